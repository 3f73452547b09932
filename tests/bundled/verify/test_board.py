"""A leaderboard: submissions are made, reviewed and compared, and bad ones are refused in a line each."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from helpers.boards import ABOUT, BUDGET, BY, PLUGIN, SEEDS, forge
from helpers.commands import run_textgen as textgen
from helpers.records import edit_record
from textgen.evaluation.scoring import Score
from textgen.experiment.entry_result import EntryResult, Origin
from textgen.results.comparison import Comparison
from textgen.runtime.storage.json_records import read_record, write_record
from textgen_verify import leaderboard
from textgen_verify.board.again import reproduction
from textgen_verify.board.folders import Folder, Review, TrainedAgain, folder_at, hash_of
from textgen_verify.board.make import alone
from textgen_verify.board.standings import table_of

pytestmark = pytest.mark.slow

TABLE = f"news/{BUDGET}/static"


def as_trained(folder: Folder) -> TrainedAgain:
    """Return what training again gives on the same machine."""
    return TrainedAgain(
        made=today(),
        machine=folder.runs[0].machine,
        versions={},
        num_parameters=folder.runs[0].num_parameters,
        rows=tuple(folder.rows),
    )


def today() -> str:
    return datetime.now(UTC).date().isoformat()


def found(board: Path, entry: str) -> Path:
    """Return the folder of the submission of an entry, by the beginning of its name."""
    return next(path for path in (board / TABLE).iterdir() if path.name.startswith(entry))


def lines(*arguments: object, code: int = 0) -> list[str]:
    """Return what a review says, one line for each submission or reason."""
    return textgen("review", *arguments, "--save", "--quiet", code=code).stdout.splitlines()


def test_submissions_go_the_whole_way(board: Path, shared: Path, tmp_path: Path) -> None:
    """From claimed to recomputed to reproduced, that with a plugin too; only then there is a record."""
    path, comment, page = found(board, "char-counts"), tmp_path / "comment.md", tmp_path / "page.html"
    assert (path / "mine.py").read_text() == (shared / "mine.py").read_text()
    assert ABOUT in (path / "README.md").read_text()
    (standing,) = leaderboard(board).standings
    assert [place.state for place in standing.places] == ["claimed"] * 3
    assert standing.differences == ()
    lines(board)
    (standing,) = leaderboard(board).standings
    assert [place.state for place in standing.places] == ["recomputed"] * 3
    assert len(standing.differences) == 3
    assert not any(place.is_record for place in standing.places)
    kept = "not trained again: mine.py is code of others; read it, then give --run-plugins"
    assert lines(path, "--again", BUDGET) == [f"{path}: {kept}", f"recomputed {path}"]
    ngram = found(board, "char-ngram")
    assert lines(ngram, "--again", BUDGET) == [f"reproduced {ngram}"]
    assert lines(path, "--again", BUDGET, "--run-plugins", "--comment", comment)[0].startswith("reproduced ")
    text = comment.read_text()
    assert "*reproduced*" in text
    assert "place 3 of 3" in text
    assert "Trained again on 20" in text
    assert "It does not set a record." in text
    assert "| `char-ngram`" in text
    said = textgen("leaderboard", board, "--page", page).stdout
    assert "| char-ngram ★" in said
    assert "| char-counts " in said
    assert "Who beats whom" in page.read_text("utf-8")
    shown = json.loads(textgen("leaderboard", board, "--json").stdout)
    assert [place["is_record"] for place in shown["standings"][0]["places"]] == [True, False, False]


@pytest.mark.long
def test_a_plugin_file_takes_the_place_of_no_module(board: Path, tmp_path: Path) -> None:
    path, marker = found(board, "char-counts"), tmp_path / "imported"
    own = path / "json.py"
    own.write_text(PLUGIN + f"\nif __name__ == 'json':\n    open({str(marker)!r}, 'w')\n")
    (path / "mine.py").unlink()
    edit_record(path / "submission.json", lambda values: values.update(plugins={"json.py": hash_of(own)}))
    (path / "README.md").write_text((path / "README.md").read_text().replace("mine.py", "json.py"))
    (said,) = lines(path, "--again", BUDGET, "--run-plugins")
    assert said.startswith("reproduced ")
    assert not marker.exists()


def test_differences_and_compressors_are_those_of_the_bench_itself(board: Path, shared: Path) -> None:
    result = read_record(Comparison, shared / "bench" / "bench.json")
    lines(board)
    (standing,) = leaderboard(board).standings
    best = {each.b: each for each in result.differences if each.a == "char-ngram"}
    ours = next(each for each in standing.differences if each.b == "char-counts")
    assert ours.bits_per_char == pytest.approx(best["char-counts"].bits_per_char, rel=1e-12)
    assert ours.interval == pytest.approx(best["char-counts"].interval, rel=1e-9)
    static = {
        each.name: each.bits_per_char for each in result.references if each.name.endswith("given train")
    }
    assert len(static) == 2
    assert standing.compressors == pytest.approx(static)
    assert "no entries: PPMd given train " in textgen("leaderboard", board).stdout


def test_a_file_that_changes_after_its_review_is_only_claimed(board: Path) -> None:
    path = found(board, "char-ngram")
    lines(path)
    assert folder_at(path).review is not None
    edit_record(path / "submission.json", lambda values: values.update(author="Somebody else"))
    (standing,) = leaderboard(board).standings
    assert {place.entry: place.state for place in standing.places}["char-ngram"] == "claimed"


def rename(values: Any) -> None:
    """Say that a result is of another entry."""
    for row in values["entries"]:
        row["name"] = "char-words"


def say_option(values: Any) -> None:
    """Say that an entry is what the command line takes for an option."""
    for each in values.get("entries", [values]):
        each["name" if "name" in each else "entry"] = "--on=ray"
    for name in ("scores", "metrics"):
        for each in values.get(name, ()):
            each["name"] = "--on=ray"


def same(run: EntryResult) -> EntryResult:
    """Return a run unchanged."""
    return run


def scaled(score: Score | None, share: float) -> Score:
    """Return a score with this share of the bits of each stretch."""
    assert score
    assert score.units
    return replace(score, units=replace(score.units, bits=tuple(share * each for each in score.units.bits)))


def with_pace(run: EntryResult) -> EntryResult:
    """Say that the pace of the machine explains any score."""
    return replace(run, train=replace(run.train, pace_sd=5.0))


def uncounted(run: EntryResult) -> EntryResult:
    """Say that a model was not trained, so that its score has no seed."""
    return replace(run, train=replace(run.train, num_updates=0, rates=None))


def with_origin(run: EntryResult) -> EntryResult:
    """Say that a model starts from a run that nobody has."""
    origin = Origin(
        entry="char-ngram",
        corpus="unknown",
        text_sha256="0" * 64,
        budget="99h",
        num_chars=10**12,
        seconds=1.0,
        sha256="0" * 64,
    )
    return replace(run, origin=origin)


def copy_bits(path: Path) -> None:
    """Claim the bits that another submission measured."""
    others = read_record(Comparison, path.with_name("char-ngram") / "bench.json").runs
    tests = {run.seed: run.test for run in others}
    forge(path, lambda run: replace(run, test=tests[run.seed]))


def with_one_seed(path: Path) -> None:
    """Leave one seed of a result."""
    result = read_record(Comparison, path / "bench.json")
    name = result.runs[0].name
    write_record(path / "bench.json", alone(replace(result, entries=result.entries[:1]), name))


def with_later_seeds(path: Path) -> None:
    """Leave out the first seed of a result, as if it had been chosen."""
    result = read_record(Comparison, path / "bench.json")
    name = result.runs[0].name
    write_record(path / "bench.json", alone(replace(result, entries=result.entries[1:]), name))


def change(file: str, edit: Callable[[Any], object]) -> Callable[[Path], object]:
    """Return what changes a record of a submission, with a valid digest."""
    return lambda path: edit_record(path / file, edit)


def link_away(path: Path) -> None:
    (path / "secret.txt").symlink_to("/etc/hostname")


BAD: dict[str, tuple[str, Callable[[Path], object], str]] = {
    "a digest that does not fit": (
        "char-ngram",
        lambda path: (path / "bench.json").write_text(
            (path / "bench.json").read_text().replace("0.5", "0.4")
        ),
        "it has changed since it was written",
    ),
    "a score": (
        "char-ngram",
        change("bench.json", lambda values: values["scores"][0].update(bits_per_char=1.0)),
        "values of scores: ",
    ),
    "the bits of stretches": (
        "char-ngram",
        change("bench.json", lambda values: values["entries"][0]["test"]["units"]["bits"].reverse()),
        "values of ",
    ),
    "bits below zero": ("char-lstm", partial(forge, change=same, share=-1.0), "has a stretch of -"),
    "no bits": ("char-lstm", partial(forge, change=same, share=0.0), "has a stretch of 0 bits"),
    "a pace that excuses all": ("char-lstm", partial(forge, change=with_pace), "depends on the pace"),
    "updates that were none": ("char-lstm", partial(forge, change=uncounted), "but no update trained them"),
    "no stretches": (
        "char-ngram",
        change("bench.json", lambda values: values["entries"][0]["test"].update(units=None)),
        "seed 0 lacks the stretches of the text",
    ),
    "the bits of another": ("char-lstm", copy_bits, "its bits are those of char-ngram"),
    "a start": ("char-ngram", partial(forge, change=with_origin), "it starts from another run"),
    "an author of no letters": (
        "char-ngram",
        change("submission.json", lambda values: values.update(author="\u200b")),
        "it has no author of at most 80 characters",
    ),
    "a name of a file": (
        "char-counts",
        lambda path: (path / "bench.json").unlink() or (path / "bench.json").symlink_to("bench.json"),
        "bench.json is a link or a folder",
    ),
    "a long name": (
        "char-counts",
        change("submission.json", lambda values: values.update(plugins={"a" * 5000 + ".py": "0" * 64})),
        "is not the name of a Python file in the folder",
    ),
    "another case": (
        "char-ngram",
        lambda path: shutil.copytree(path, path.with_name("char-NGRAM")),
        "differs from that of char-NGRAM by upper and lower case only",
    ),
    "another text": (
        "char-ngram",
        change("bench.json", lambda values: values["corpus"].update(sha256="0" * 64)),
        "its text is text.txt (000000000000, 90/5/5), not news",
    ),
    "other parts of the text": (
        "char-ngram",
        change("bench.json", lambda values: values["corpus"]["split"]["test"].update(sha256="0" * 64)),
        "its text is not ",
    ),
    "another budget": (
        "char-ngram",
        change("bench.json", lambda values: values.update(budget="3000chars")),
        f"its budget is 3000chars, not {BUDGET}",
    ),
    "one seed": ("char-lstm", with_one_seed, "it has 1 seed; at least 3 are needed"),
    "chosen seeds": ("char-lstm", with_later_seeds, "its seeds are 1, 2; give the first ones, from 0 on"),
    "another plugin file": (
        "char-counts",
        lambda path: (path / "mine.py").write_text("print('hello')\n"),
        "the plugin file mine.py is another than the one that was submitted",
    ),
    "a plugin file elsewhere": (
        "char-counts",
        change("submission.json", lambda values: values.update(plugins={"../../mine.py": "0" * 64})),
        "the plugin file '../../mine.py' is not the name of a Python file in the folder",
    ),
    "no plugin file": (
        "char-counts",
        change("submission.json", lambda values: values.update(plugins={})),
        "mine.py is not part of a submission",
    ),
    "a link": ("char-ngram", link_away, "secret.txt is a link or a folder; submit plain files"),
    "a large file": (
        "char-ngram",
        lambda path: (path / "README.md").write_text("a" * 30_000),
        "README.md has 30,000 bytes; at most 20,000 are allowed",
    ),
    "another command": (
        "char-ngram",
        lambda path: (path / "README.md").write_text(
            (path / "README.md").read_text().replace("bench char-ngram", "bench random")
        ),
        "README.md lacks the command that trains it again: textgen bench char-ngram ",
    ),
    "no prose": (
        "char-ngram",
        lambda path: (path / "README.md").write_text("# char-ngram\n"),
        "README.md does not say what the entry is",
    ),
    "another entry": ("char-ngram", change("bench.json", rename), "bench.json"),
    "a path": (
        "char-ngram",
        change("submission.json", lambda values: values.update(entry="char-ngram:start=../x")),
        "its rows are of char-ngram, not of char-ngram:start=../x alone",
    ),
    "an option as its entry": (
        "char-counts",
        lambda path: [edit_record(path / file, say_option) for file in ("bench.json", "submission.json")],
        "the entry '--on=ray' is not a name with options, or names a file or a run",
    ),
    "an unranked run": (
        "char-ngram",
        change("bench.json", lambda values: values["entries"][0].update(problem="it peeks")),
        "it has no rank since it peeks",
    ),
}


@pytest.mark.parametrize("fault", BAD)
def test_a_bad_submission_is_refused_in_a_line(board: Path, fault: str) -> None:
    entry, spoil, reason = BAD[fault]
    path = found(board, entry)
    spoil(path)
    said = lines(path, code=1)
    assert said
    assert all(line.startswith("refused ") for line in said)
    assert any(reason in line for line in said), said
    assert "Traceback" not in "".join(said)


def test_a_submission_in_another_folder_is_refused(board: Path, tmp_path: Path) -> None:
    path = found(board, "char-ngram")
    (tmp_path / "link").symlink_to(path)
    for strange in (tmp_path / "link", path.parent / ".." / "static" / path.name, tmp_path):
        (said,) = lines(strange, code=1)
        assert said.startswith("refused ")


FORGED: dict[str, tuple[Callable[[EntryResult], EntryResult], float]] = {
    "a score": (same, 0.97),
    "a slightly better score": (same, 0.99),
    "seeds that differ": (lambda run: replace(run, test=scaled(run.test, 0.5 + run.seed)), 1.0),
    "parameters": (lambda run: replace(run, num_parameters=7), 1.0),
    "updates": (
        lambda run: replace(run, train=replace(run.train, num_updates=run.train.num_updates + 1)),
        1.0,
    ),
}


@pytest.mark.parametrize("fault", FORGED)
def test_what_was_made_up_consistently_does_not_come_out_again(board: Path, fault: str) -> None:
    """It is recomputed, but no claim decides how much it may be off: here, training again gives the same."""
    path, (how, share) = found(board, "char-lstm"), FORGED[fault]
    true = folder_at(path)
    again = as_trained(true)
    assert reproduction(true, again).agrees
    forge(path, how, share)
    assert lines(path) == [f"recomputed {path}"]
    assert not reproduction(folder_at(path), again).agrees


@pytest.mark.long
def test_numbers_of_a_table_are_those_of_training_again(board: Path) -> None:
    """So that a claim within the tolerance gains nothing."""
    path = found(board, "char-lstm")
    before = read_record(Comparison, path / "bench.json").scores[0].bits_per_char
    forge(path, same, 0.9999)
    assert lines(path, "--again", BUDGET) == [f"reproduced {path}"]
    (standing,) = leaderboard(board).standings
    place = next(each for each in standing.places if each.name == path.name)
    assert place.state == "reproduced"
    assert place.bits_per_char == pytest.approx(before, rel=1e-9)


@pytest.mark.long
def test_budgets_in_time_are_compared_within_what_one_review_timed(shared: Path, tmp_path: Path) -> None:
    """First they are in the table of their bench, then in that of the review, however much was trained."""
    board, bench = tmp_path / "board", tmp_path / "bench"
    board.mkdir()
    rules = (shared / "board" / "leaderboard.toml").read_text().replace(BUDGET, "1s")
    (board / "leaderboard.toml").write_text(rules)
    settings = ("--corpus", shared / "text.txt", "--budget", "1s", "--seeds", SEEDS, "--length", 40)
    textgen("bench", "random", *settings, "--out", bench)
    textgen("submit", bench, "--board", board, *BY)
    state, path = lines(board, "--again", "1Mchars")[0].split()
    assert state == "recomputed"
    forge(Path(path), lambda run: replace(run, train=replace(run.train, num_chars=5)))
    assert lines(board, "--again", "1s") == [f"reproduced {path}"]
    folder = folder_at(Path(path))
    timed = [Review(files={}, again=replace(as_trained(folder), began=began)) for began in "112"]
    first, second, third = (table_of(folder.found_to_be(review)) for review in timed)
    assert first == second != third


def test_a_review_writes_only_what_it_is_told_to(board: Path) -> None:
    """So that somebody who submits can review without a file that a pull request may not have."""
    path = found(board, "char-ngram")
    assert textgen("review", path, "--quiet").stdout == f"recomputed {path}\n"
    assert folder_at(path).review is None
    folder = folder_at(path)
    write_record(path / "review.json", Review(files=folder.hashes(), again=as_trained(folder)))
    assert textgen("review", path, "--quiet").stdout == f"recomputed {path}\n"  # which is what was done now
    assert lines(path) == [
        f"{path}: trained again on {today()}, as review.json says, and not now",
        f"reproduced {path}",
    ]


def test_a_damaged_folder_leaves_the_others(board: Path, tmp_path: Path) -> None:
    lines(board)
    path = found(board, "char-counts")
    (path / "README.md").unlink()
    (path / "README.md").symlink_to(tmp_path / "nowhere")
    found_board = leaderboard(board)
    assert found_board.standings[0].places[0].entry == "char-ngram"
    assert found_board.unread == (
        f"{TABLE}/char-counts: README.md is a link or a folder; submit plain files",
    )
    said = lines(board, code=1)
    assert [line.split()[0] for line in said] == ["refused", "recomputed", "recomputed"]


def test_a_submission_is_no_leaderboard_with_rules_of_its_own(board: Path) -> None:
    """Otherwise a link in it would lead to the reviews of others, and refusing those removes them."""
    lines(board)
    evil = board / TABLE / "evil"
    evil.mkdir()
    (evil / "x").symlink_to(board)
    shutil.copy(board / "leaderboard.toml", evil)
    assert all(line.startswith("refused ") for line in lines(evil, code=1))
    assert all(folder_at(found(board, entry)).review for entry in ("char-lstm", "char-ngram", "char-counts"))


def test_what_is_submitted_is_the_entry_of_a_run_in_a_bench(shared: Path, tmp_path: Path) -> None:
    board = tmp_path / "board"
    board.mkdir()
    shutil.copy(shared / "board" / "leaderboard.toml", board)
    run = next((shared / "bench" / "runs").glob("char-ngram-seed1"))
    said = textgen("submit", run, "--board", board)
    assert said.stdout.splitlines()[0] == str(board / TABLE / "char-ngram")
    assert "missing: it has no author" in said.stdout
    assert "missing: README.md does not say what the entry is" in said.stdout
    assert [path.name for path in (board / TABLE).iterdir()] == ["char-ngram"]
    again = textgen("submit", run, "--board", board, code=1).stderr
    assert "exists (by ); remove it if it is yours, or give --name" in again
    other = textgen("submit", run, "--board", board, "--name", "mine", *BY).stdout
    assert other == f"{board / TABLE / 'mine'}\n"


def test_what_cannot_be_submitted_is_refused_in_a_line(shared: Path, tmp_path: Path) -> None:
    board, bench = tmp_path / "board", shared / "bench"
    assert "no leaderboard in" in textgen("submit", bench, "--board", board, code=1).stderr
    board.mkdir()
    rules = (shared / "board" / "leaderboard.toml").read_text()
    counts = ("submit", bench, "--board", board, "--entry", "char-counts")
    (board / "leaderboard.toml").write_text(rules)
    assert "uses the plugin file mine.py; give it by --plugin" in textgen(*counts, code=1).stderr
    (tmp_path / "mine.py").write_text("other = 1\n")
    other = textgen(*counts, "--plugin", tmp_path / "mine.py", code=1).stderr
    assert "was trained with another mine.py" in other
    ngram = ("submit", bench, "--board", board, "--entry", "char-ngram", "--plugin", tmp_path / "mine.py")
    assert "mine.py has no effect: no entry uses it" in textgen(*ngram, code=2).stderr
    assert "char-count" in textgen("submit", bench, "--board", board, "--entry", "char-count", code=2).stderr
    (board / "leaderboard.toml").write_text(rules.replace(BUDGET, "1Mchars"))
    assert "the budget 2000chars is none of the leaderboard's" in textgen(*counts, code=1).stderr
    (board / "leaderboard.toml").write_text(rules.replace('sha256 = "', 'sha256 = "0'))
    assert "is none of the leaderboard's, which are news (" in textgen(*counts, code=1).stderr
    assert [path.name for path in board.iterdir()] == ["leaderboard.toml"]


def test_a_cheat_has_no_rank_and_none_when_it_is_trained_again(board: Path, shared: Path) -> None:
    plugin = ("--plugin", shared / "mine.py")
    told = textgen("submit", shared / "bench", "--board", board, "--entry", "char-peeks", *plugin, *BY).stdout
    assert "missing: it has no rank since" in told
    path = found(board, "char-peeks")
    assert "has no rank since" in lines(path, code=1)[0]
