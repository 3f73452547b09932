"""Blind votes: what they are on, that nobody can tell before, what they come to, and what is kept."""

from __future__ import annotations

import json
import shutil
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from scipy.stats import norm

import textgen
from helpers.commands import run_textgen
from helpers.playing import Relayed
from textgen.contracts import TextgenError
from textgen_play.live import place_of
from textgen_play.votes import AUTHOR, CHARS, MORE_CHARS, Vote, cut, cut_passages, keep_votes, tally

pytest.importorskip("starlette", reason="needs the extra play")

SAMPLER = "temperature:temperature=0.8"


def vote(chosen: str, other: str, sampler: str = SAMPLER) -> Vote:
    return Vote(chosen=chosen, other=other, sampler=sampler)


# --- passages


def test_passages_are_whole_sentences_and_none_is_in_another(news: str) -> None:
    stretches = [news[:9000], news[9000:20_000]]
    passages = cut_passages(stretches)
    assert len(passages) > 20
    ends = dict.fromkeys(range(2), 0)
    for before, text in passages:
        (owner,) = (place for place, stretch in enumerate(stretches) if before + text in stretch)
        begin = stretches[owner].index(before + text)
        assert begin >= ends[owner]
        ends[owner] = begin + len(before + text)
        assert before.rstrip()[-1] in ".?!\"'" or before.endswith("\n")
        assert CHARS - MORE_CHARS < len(text) <= CHARS
        assert stretches[owner][ends[owner]].isspace()


def test_a_text_without_sentences_has_passages_of_words() -> None:
    ((before, text), *_) = cut_passages(["anarchism originated as a term of abuse " * 60])
    assert before.endswith(" ")
    assert text.split()[-1] in ["anarchism", "originated", "as", "a", "term", "of", "abuse"]


def test_too_short_a_text_has_none() -> None:
    assert cut_passages(["Too short. For this. " * 10, ""]) == []


@pytest.mark.parametrize("text", ["word " * 100, "x" * 500, "一二三四" * 100, "a\nb " * 90])
def test_what_is_cut_ends_with_a_word_where_there_is_one(text: str) -> None:
    found = cut(text)
    assert text.startswith(found)
    assert CHARS - MORE_CHARS < len(found) <= CHARS
    assert not found[-1].isspace()


# --- the tally


def test_a_tally_has_shares_by_pair_and_sampler_with_wilsons_interval() -> None:
    votes = [
        *(vote("a", AUTHOR) for _ in range(3)),
        *(vote(AUTHOR, "a") for _ in range(7)),
        *(vote("b", "a") for _ in range(2)),
        vote("a", "b"),
        vote("b", "a", "greedy"),
    ]
    found = {(each.chosen, each.over, each.sampler): each for each in tally(votes)}
    assert [(key, each.number, each.total) for key, each in found.items()] == [
        (("a", AUTHOR, SAMPLER), 3, 10),
        (("a", "b", "greedy"), 0, 1),
        (("a", "b", SAMPLER), 1, 3),
    ]
    z, share, total = norm.ppf(0.975), 0.3, 10
    centre = (share + z**2 / (2 * total)) / (1 + z**2 / total)
    reach = z / (1 + z**2 / total) * (share * (1 - share) / total + z**2 / (4 * total**2)) ** 0.5
    assert found["a", AUTHOR, SAMPLER].interval == pytest.approx((centre - reach, centre + reach))
    low, high = found["a", "b", "greedy"].interval
    assert low == 0
    assert 0.5 < high < 1


# --- votes on the page


@pytest.fixture(scope="module")
def relayed(runs: list[Path]) -> Any:
    """The application of both runs, asked by messages."""
    relayed = Relayed(runs)
    yield relayed
    relayed.worker.close()


def asked(relayed: Relayed, path: str, **body: Any) -> Any:
    status, answer = relayed.ask(path, body)
    assert status == 200, answer
    return json.loads(answer)


def draw(relayed: Relayed, client: str, number: int, **changes: Any) -> Any:
    wanted = {"entries": [0, 1], "has_author": True, "sampler": SAMPLER} | changes
    return asked(relayed, "draw", client=client, number=number, **wanted)


@pytest.mark.slow
@pytest.mark.parametrize("client", ["one", "two"])
def test_who_wrote_what_is_told_after_the_vote_only(relayed: Relayed, client: str) -> None:
    held_out = textgen.load_corpus("lee", max_chars=100_000).split.held_out.text
    passages = set()
    for number in range(2):
        drawn = draw(relayed, client, number)
        assert drawn.keys() == {"ballot", "before", "texts"}
        authors = [drawn["before"] + text in held_out for text in drawn["texts"]]
        assert sorted(authors) == [False, True]
        assert all(CHARS - MORE_CHARS < len(text) <= CHARS for text in drawn["texts"])
        said = asked(relayed, "vote", ballot=drawn["ballot"], choice=0)
        assert [writer is None for writer in said["writers"]] == authors
        assert sum(each["total"] for each in said["tally"]) == number + 1
        status, answer = relayed.ask("vote", {"ballot": drawn["ballot"], "choice": 1})
        assert status == 400
        assert "voted on already" in json.loads(answer)["error"]
        passages.add(drawn["before"])
    assert len(passages) == 2


@pytest.mark.slow
def test_no_passage_is_in_what_the_page_has_for_the_guessing_game(relayed: Relayed) -> None:
    known = [each["before"] + each["text"] for each in json.loads(relayed.ask("passages")[1])]
    assert known
    for number in range(3):
        drawn = draw(relayed, "game", number)
        assert not any(drawn["before"] in text for text in known)


@pytest.mark.slow
def test_either_place_can_be_the_authors(relayed: Relayed) -> None:
    found = set[int]()
    for client in count():
        drawn = draw(relayed, f"place {client}", 0, entries=[1])
        said = asked(relayed, "vote", ballot=drawn["ballot"], choice=0)
        found.add(said["writers"].index(None))
        if found == {0, 1}:
            break
        assert client < 50


@pytest.mark.slow
def test_nothing_is_kept_until_the_reader_wants_it(runs: list[Path], tmp_path: Path) -> None:
    folders = [shutil.copytree(run, tmp_path / run.name) for run in runs]
    relayed, file = Relayed(folders), tmp_path / folders[0].name / "votes.json"
    labels = [run["label"] for run in described(relayed)]
    assert relayed.ask("votes", {"client": "one"})[0] == 400  # there are none
    drawn = draw(relayed, "one", 0, has_author=False)
    said = asked(relayed, "vote", ballot=drawn["ballot"], choice=1)
    assert sorted(said["writers"]) == [0, 1]
    draw(relayed, "one", 1)  # which nobody votes on
    assert not file.exists()
    assert asked(relayed, "votes", client="one") == {"kept": 1}
    (kept,) = json.loads(file.read_text("utf-8"))["votes"]
    chosen, other = (labels[said["writers"][place]] for place in (1, 0))
    assert kept == {"chosen": chosen, "other": other, "sampler": SAMPLER}
    assert relayed.ask("votes", {"client": "one"})[0] == 400  # a second time
    again = draw(relayed, "two", 0, has_author=False)
    said = asked(relayed, "vote", ballot=again["ballot"], choice=0)
    assert (said["kept"], said["tally"][0]["total"]) == (1, 2)
    file.write_text(file.read_text("utf-8").replace(SAMPLER, "greedy"))
    lost = draw(relayed, "two", 1, has_author=False)
    said = asked(relayed, "vote", ballot=lost["ballot"], choice=0)
    assert "votes.json" in said["problem"]
    assert relayed.ask("votes", {"client": "two"})[0] == 400  # nothing damaged is overwritten
    file.unlink()
    assert asked(relayed, "votes", client="two") == {"kept": 2}
    relayed.worker.close()


def described(relayed: Relayed) -> Any:
    """Return what the page knows of its runs."""
    return json.loads(relayed.page.partition('id="data">')[2].partition("</script>")[0])["runs"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"number": 10_000}, "the held-out text has no more than these"),
        ({"entries": [0], "has_author": False}, "choose two different models"),
        ({"entries": [0, 0], "has_author": False}, "choose two different models"),
        ({"entries": [7]}, "entry 7 does not exist"),
        ({"entries": []}, "entries: "),
        ({"sampler": "none"}, "none"),
        ({"more": 1}, "more: "),
    ],
)
def test_what_cannot_be_drawn_is_said_in_one_line(relayed: Relayed, change: Any, said: str) -> None:
    wanted = {"client": "x", "number": 0, "entries": [0, 1], "has_author": True, "sampler": SAMPLER}
    status, answer = relayed.ask("draw", wanted | change)
    assert status == 400
    assert said in json.loads(answer)["error"]


@pytest.mark.usefixtures("no_references")
def test_votes_are_kept_with_a_bench_and_removed_with_it(tmp_path: Path) -> None:
    text = textgen.load_corpus("lee", max_chars=4000)
    samples = textgen.SampleOptions(sampler="greedy", length=20)
    textgen.bench("random", text, samples=samples, out=tmp_path / "bench")
    (folder,) = (tmp_path / "bench" / "runs").iterdir()
    place = place_of(textgen.load(folder))
    assert place == (tmp_path / "bench").absolute()
    assert [keep_votes(place, [vote("a", AUTHOR)]) for _ in range(2)] == [1, 2]
    (place / "votes.json").write_text((place / "votes.json").read_text().replace(AUTHOR, "arthur"))
    with pytest.raises(TextgenError, match=r"votes\.json"):
        keep_votes(place, [vote("a", "b")])
    run_textgen("runs", "remove", tmp_path / "bench", "--yes")
    assert not (tmp_path / "bench").exists()
