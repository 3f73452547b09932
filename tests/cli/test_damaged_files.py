"""Damaged and hostile files and odd words, drawn at random: understood, or refused in one line."""

from __future__ import annotations

import hashlib
import json
import random
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

from helpers.catalog import RECORDED
from helpers.runs import SMALL, make_run
from textgen.contracts import TextgenError
from textgen.data.corpus import load_corpus
from textgen.data.split import parse_split
from textgen.experiment.entry_parser import parse_entries
from textgen.experiment.saved_run import load_run, write_run
from textgen.generation.bound_sampler import build_sampler
from textgen.library.presentation import document
from textgen.reports.markdown import to_markdown
from textgen.results.folders import identify
from textgen.results.items import read_result
from textgen.runtime.device import choose_device
from textgen.runtime.messages import shortened
from textgen.runtime.storage.files import write_digests
from textgen.training.budget import parse_budget
from textgen.training.checkpoints import Checkpoints
from textgen_suites.schema import load_suite

pytestmark = pytest.mark.filterwarnings("ignore::textgen.contracts.TextgenWarning")
SEEDS = range(20)
LONGEST = 1000
"""Characters of a message."""
HOSTILE: tuple[Any, ...] = (
    None, True, -1, 2**63, 10**400, 0.5, 1e308, float("nan"), -float("inf"), "", "\ud800", "\0", "../x",
    "x" * 100_000, "char-lstm", [], {}, [None], [[]], [{}], {"": None}, [0] * 10_000, "1e999", "١",
)  # fmt: skip
"""Values that a reader may not expect anywhere."""
NUMBERS = ("0", "-1", "1" * 400, "0.5", "1e300", "1e309", "inf", "nan", "1_0", "0x10", "١٢", "", " ", "[1]")
JUNK = (":", ",", "=", "-", "+", "/", "..", "\n", "\0", "%s", "{}", "'", "\\", "*", "~", "é" * 300)


def damaged(data: bytes, chance: random.Random) -> bytes:
    """Return bytes after an accident: a flipped bit, a cut, a hole, a piece twice, more at the end."""
    begin = chance.randrange(len(data))
    end = min(len(data), begin + chance.choice((1, 16, 512)))
    flipped = data[:begin] + bytes([data[begin] ^ 1 << chance.randrange(8)]) + data[begin + 1 :]
    others = (data[:begin], data[begin:], b"", data[:begin] + data[end:], data[:end] + data[begin:])
    hole = data[:begin] + bytes(end - begin) + data[end:]
    return chance.choice((flipped, *others, hole, data + chance.randbytes(9)))


def damage_folder(folder: Path, chance: random.Random) -> None:
    """Damage one file of a folder: its bytes, or that it is there, or what it is."""
    path = chance.choice(sorted(each for each in folder.rglob("*") if each.is_file()))
    if chance.random() < 0.7:
        path.write_bytes(damaged(path.read_bytes(), chance))
    else:
        path.unlink()
        chance.choice((lambda: None, path.mkdir, lambda: path.symlink_to("/dev/zero")))()


def hostile_json(data: bytes, chance: random.Random) -> bytes:
    """Return JSON that differs in one to three places, with a digest that is right if the file has one."""
    values = json.loads(data)
    has_digest = isinstance(values, dict) and values.pop("sha256", None) is not None
    for _ in range(chance.choice((1, 1, 3))):
        parent, key = chance.choice(list(places(values)))
        parent[key] = chance.choice(HOSTILE)
        if chance.random() < 0.2:
            del parent[key]
    text = json.dumps(values).encode("utf-8", "surrogatepass")
    if not has_digest:
        return text
    return b'{\n  "sha256": "%s",%s' % (hashlib.sha256(text).hexdigest().encode(), text[1:])


def places(values: Any) -> Iterator[tuple[Any, Any]]:
    """Yield every place in JSON values, as what contains it and its key or index."""
    children = list(values.items()) if isinstance(values, dict) else []
    children = list(enumerate(values[:20])) if isinstance(values, list) else children
    for key, value in children:
        yield values, key
        yield from places(value)


def hostile_tensors(data: bytes, chance: random.Random) -> bytes:
    """Return a safetensors file whose header asks for terabytes, other types or other bytes."""
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + size])
    tensor = header[chance.choice(sorted(header))]
    key, values = chance.choice([
        ("shape", ([2**40], [2**62, 4], [0], [-1], [1] * 1000)),
        ("dtype", ("F64", "I64", "BOOL", "x")),
        ("data_offsets", ([0, 2**40], [0, 0], [5, 1])),
    ])  # fmt: skip
    tensor[key] = chance.choice(values)
    encoded = json.dumps(header).encode()
    return len(encoded).to_bytes(8, "little") + encoded + data[8 + size :]


def spoilt(text: str, chance: random.Random) -> str:
    """Return words such as `top-p:p=0.9` with one or two mistakes, or with another number."""
    for _ in range(chance.choice((1, 2))):
        place = chance.randrange(len(text) + 1)
        before, equals, _ = text.rpartition("=")
        with_number = f"{before}{equals}{chance.choice(NUMBERS)}"
        with_junk = text[:place] + chance.choice(JUNK) + text[place:]
        text = chance.choice((with_number, with_junk, text[:place] + text[place + 1 :], text * 2, text[::-1]))
    return text


def refused(do: Callable[[], object]) -> bool:
    """Return whether something is refused by an error of one line; any other error is a failure."""
    try:
        do()
    except TextgenError as error:
        message = shortened(str(error))  # as the command line prints it
    else:
        return False
    assert len(message) <= LONGEST
    return True


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of a mixture, which no test changes."""
    folder = tmp_path_factory.mktemp("run") / "run"
    write_run(folder, make_run(f"word-lstm+ngram{SMALL}").files)
    return folder


@pytest.mark.parametrize("seed", SEEDS)
def test_a_damaged_run_is_refused_or_the_same(seed: int, run: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(run, tmp_path / "copy"))
    damage_folder(copy, random.Random(seed))
    if not refused(lambda: load_run(copy, "cpu")):
        whole, read = (load_run(each, "cpu").model.module.state_dict() for each in (run, copy))
        assert all(torch.equal(whole[name], read[name]) for name in whole)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_hostile_run_is_refused_or_small(seed: int, run: Path, tmp_path: Path) -> None:
    chance, copy = random.Random(seed), Path(shutil.copytree(run, tmp_path / "copy"))
    path = chance.choice(sorted(each for each in copy.iterdir() if each.name != "files.json"))
    hostile = hostile_json if path.suffix == ".json" else hostile_tensors
    path.write_bytes(hostile(path.read_bytes(), chance))
    write_digests(copy)
    if not refused(lambda: load_run(copy, "cpu")):
        weights = load_run(copy, "cpu").model.module.state_dict().values()
        assert sum(value.numel() for value in weights) < 10**6


RESULTS = {
    "bench.json": "bench-novels",
    "ladder.json": "ladder-austen",
    "suite.json": "original-wiki",
    "study.json": "tune-wiki-5s",
}


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("file", RESULTS)
def test_a_hostile_result_is_refused_or_has_a_report(file: str, seed: int, tmp_path: Path) -> None:
    recorded = (RECORDED / f"{RESULTS[file]}.json").read_bytes()
    (tmp_path / file).write_bytes(hostile_json(recorded, random.Random(f"{file} {seed}")))
    place = identify(tmp_path)
    if place is not None:
        refused(lambda: to_markdown(document(read_result(place))))


@pytest.mark.parametrize("seed", SEEDS)
def test_a_damaged_checkpoint_is_passed_over(seed: int, tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path / "model", interval=0.0, identity="test")
    for number in range(2):
        checkpoints.save({"number": number, "weights": torch.full((3, 4), float(number))})
    chance = random.Random(seed)
    damage_folder(chance.choice(sorted((tmp_path / "model").iterdir())), chance)
    state = Checkpoints(tmp_path / "model", interval=0.0, identity="test").latest()
    assert state is not None
    assert torch.equal(state["weights"], torch.full((3, 4), float(state["number"])))


@pytest.mark.parametrize("seed", SEEDS)
def test_a_file_that_may_be_a_text_is_read_or_refused(seed: int, news: str, tmp_path: Path) -> None:
    chance = random.Random(seed)
    data = news[:3000].encode(chance.choice(("utf-8", "utf-16", "latin-1", "utf-32")), "ignore")
    path = tmp_path / chance.choice(("text.txt", "a.html", "a.jsonl", "a.csv", "a.epub", "a.gz", "a\nb.txt"))
    path.write_bytes(damaged(data, chance))
    refused(lambda: load_corpus([str(path)], chance.choice(("prose", "raw")), encoding="auto"))


WORDS: dict[str, tuple[Callable[[str], object], tuple[str, ...]]] = {
    "entry": (
        lambda text: [each.build_tokenizer() for each in parse_entries([text])[0]],
        ("char-lstm:hidden_size=8", "word-lstm+ngram-word2vec:min_count=2", "2*bpe-gru:vocab_size=300"),
    ),
    "sampler": (lambda text: build_sampler(text).try_out(), ("top-p:p=0.9", "temperature:entropy=1.5")),
    "budget": (parse_budget, ("60s", "1.5h", "3epochs", "20Mchars")),
    "split": (parse_split, ("90/5/5", "contiguous:90/10", "documents:80/10/10")),
    "device": (lambda text: choose_device(text, "fp32"), ("cpu", "cuda:0", "auto")),
}


@pytest.mark.parametrize("kind", WORDS)
def test_odd_words_mean_something_or_are_refused(kind: str) -> None:
    read, examples = WORDS[kind]
    chance = random.Random(kind)
    outcomes = [refused(partial(read, spoilt(chance.choice(examples), chance))) for _ in range(60)]
    assert any(outcomes)


@pytest.mark.parametrize("seed", SEEDS)
def test_an_odd_suite_is_read_or_refused(seed: int, tmp_path: Path) -> None:
    chance, path = random.Random(seed), tmp_path / "suite.toml"
    lines = (RECORDED.parents[1] / "plugins/textgen_suites/original.toml").read_text("utf-8").splitlines()
    index = chance.randrange(len(lines))
    lines[index] = f"{lines[index].partition('=')[0]}= {chance.choice((*NUMBERS, '[' * 1000, '{}', '[{}]'))}"
    path.write_bytes("\n".join(lines).encode("utf-8", "surrogatepass"))
    refused(lambda: load_suite(str(path)))
