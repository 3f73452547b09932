"""The pages for plugin authors: code runs, commands exist, and the contracts are those of the code."""

from __future__ import annotations

import importlib
import json
import re
import runpy
import shlex
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import typer.main

from helpers.commands import run_textgen
from textgen.cli.app import app
from textgen.experiment.entry_parser import parse_entry
from textgen.library.components import training_rows
from textgen.registry.registry import KINDS, PluginError, load
from textgen_kit import new
from textgen_kit.new import new_project

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs" / "write-a-plugin.md").read_text("utf-8")

FILES: dict[str, str] = dict(re.findall(r"^```python\n# (\S+\.py)\n(.*?)^```", PAGE, re.S | re.M))
"""The Python on the page by file name, which is its first line."""
DIFFS = re.findall(r"^```diff\n(.*?)^```", PAGE, re.S | re.M)
"""Changes of the model, one after the other: a token embedding, then an output layer, a loss and a step."""
KIND_OF = {
    "decay.py": "model",
    "recency.py": "refinement",
    "rare_chars.py": "tokenizer",
    "top_a.py": "sampler",
    "trigrams.py": "embedding",
    "grammar.py": "corpus",
    "plain_text.py": "cleaner",
    "sentences.py": "metric",
}
KIND_OF_OTHERS = {"fb2.py": "reader", "csv_file.py": "logger", "votes.py": "result"}
"""Files of kinds that `textgen plugins new` does not begin."""
CONTRACTS = {file: new.KIND_OF.get(kind, kind) for file, kind in (KIND_OF | KIND_OF_OTHERS).items()}
"""The kind of component in each file."""
EXAMPLES = ROOT / "plugins" / "textgen_kit" / "examples"
SHELL = [line for block in re.findall(r"^```sh\n(.*?)^```", PAGE, re.S | re.M) for line in block.splitlines()]
TEXTGEN = [line for line in SHELL if re.match(r"(?:\w+=\S+ )?textgen ", line)]
BRIEFLY = ["--budget", "2000chars", "--max-chars", "20000", "--length", "40", "--device", "cpu", "--json"]

Install = Callable[..., None]


def command(*names: str) -> Any:
    """Return a subcommand of textgen, or None if there is none of this name."""
    found: Any = typer.main.get_command(app)
    for name in names:
        found = getattr(found, "commands", {}).get(name)
    return found


@pytest.fixture
def installed(install: Install) -> dict[str, Any]:
    """File name: the component in it, which has an entry point for this test."""
    components = {}
    for file, kind in CONTRACTS.items():
        module, cls = file.removesuffix(".py"), class_in(file)
        install(module, f"[{KINDS[kind]}]\n{cls.lower()} = {module}:{cls}\n", FILES[file])
        components[file] = getattr(importlib.import_module(module), cls)
    return components


def class_in(file: str) -> str:
    """Return the name of a component's class: that of the file in camel case."""
    return file.removesuffix(".py").title().replace("_", "")


# --- code


def test_the_page_has_a_short_component_of_every_kind() -> None:
    assert set(FILES) == {*KIND_OF, *KIND_OF_OTHERS, "stats.py", "test_decay.py"}
    assert len(re.findall(r"^```python$", PAGE, re.M)) == len(FILES)
    assert len(FILES["decay.py"].splitlines()) < 45


@pytest.mark.parametrize("file", KIND_OF)
def test_the_components_are_those_of_new_projects(file: str) -> None:
    example = (EXAMPLES / f"{KIND_OF[file]}.py").read_text("utf-8")
    assert FILES[file] == re.sub(r"\bExample\b", class_in(file), example)


@pytest.mark.parametrize("file", CONTRACTS)
def test_the_components_pass_every_check(file: str, installed: dict[str, Any]) -> None:
    from textgen_kit import run_checks

    outcomes = run_checks(CONTRACTS[file], installed[file])
    assert outcomes
    assert [outcome for outcome in outcomes if outcome.status == "failed"] == []


def test_the_model_becomes_one_that_takes_an_embedding(install: Install) -> None:
    import torch

    from textgen.contracts import PretrainedVectors

    install("decay", "", changed(FILES["decay.py"], DIFFS[:1]))
    Decay = importlib.import_module("decay").Decay  # noqa: N806
    vectors = PretrainedVectors(torch.eye(5, 3), torch.tensor([True, True, True, False, False]), frozen=True)
    model = Decay(5, size=4, vectors=vectors)
    logits, _ = model(torch.tensor([[0, 1, 4]]), model.initial_state(1))
    assert logits.shape == (1, 3, 5)
    logits.sum().backward()
    frozen = model.input.table()[:3]
    assert torch.equal(frozen > 0, torch.eye(3, dtype=torch.bool))
    assert not model.input.weight.grad[:3].any()
    assert model.input.weight.grad[4].any()


@pytest.mark.slow
def test_the_model_becomes_one_with_an_adaptive_softmax_a_loss_and_a_step(install: Install) -> None:
    from textgen.nn.layers import AdaptiveSoftmax
    from textgen_kit import run_checks

    install("decay", "", changed(FILES["decay.py"], DIFFS))
    Decay = importlib.import_module("decay").Decay  # noqa: N806
    statuses = {result.check: result for result in run_checks("model", Decay)}
    assert [result for result in statuses.values() if result.status == "failed"] == []
    for check in ("model-loss", "model-step", "model-vectors"):
        assert statuses[check].status == "passed", check
    assert isinstance(Decay(5000).output, AdaptiveSoftmax)


def changed(code: str, diffs: list[str]) -> str:
    """Return a file of the page after some of its diffs, one after the other."""
    for hunk in [hunk for diff in diffs for hunk in diff.split("@@\n")]:
        old, new = ("".join(re.findall(rf"^[ {sign}](.*\n)", hunk, re.M)) for sign in ("-", "+"))
        assert code.count(old) == 1, old
        code = code.replace(old, new)
    return code


def test_the_test_file_is_that_of_a_new_project(tmp_path: Path) -> None:
    folder = new_project("decay", "model", tmp_path)
    assert (folder / "test_decay.py").read_text("utf-8") == FILES["test_decay.py"].lstrip("\n")


# --- commands


@pytest.mark.parametrize("line", [line for line in TEXTGEN if not line.startswith("textgen stats ")])
def test_a_command_of_the_page_exists_with_its_options(line: str) -> None:
    words = shlex.split(line)
    words = words[words.index("textgen") + 1 :]
    names = [words.pop(0)]
    while words and words[0] in getattr(command(*names), "commands", {}):
        names.append(words.pop(0))
    known = {option for parameter in command(*names).params for option in parameter.opts}
    assert {word for word in words if word.startswith("--")} <= known


@pytest.fixture
def textgen(tmp_path: Path) -> Callable[[str], str]:
    """Run a command of the page in a folder that holds the files of the page."""
    for file, code in FILES.items():
        (tmp_path / file).write_text(code)

    def run(line: str, *more: str) -> str:
        assert line in SHELL
        return run_textgen(*shlex.split(line)[1:], *more, cwd=tmp_path).stdout

    return run


@pytest.mark.usefixtures("no_references")
def test_the_first_commands_do_what_the_page_says(textgen: Callable[..., str], tmp_path: Path) -> None:
    line = "textgen bench char-decay random --plugin decay.py --corpus lee --budget 10s"
    printed = textgen(line, *BRIEFLY)
    assert [row["error"] for row in json.loads(printed)["entries"]] == [None, None]
    printed = textgen("textgen plugins show decay --plugin decay.py")
    assert "Share of memory kept." in printed
    textgen("textgen plugins check decay --plugin decay.py")
    textgen("textgen plugins new decay --kind model")
    assert (tmp_path / "textgen-decay" / "textgen_decay.py").exists()


def test_the_refinement_of_the_page_is_never_trained(install: Install) -> None:
    install("recency", "[textgen.models]\nrecency = recency:Recency\n", FILES["recency.py"])
    entry = parse_entry("char-ngram+recency:half_life=20")
    assert (entry.refinements, entry.trained, entry.reads_on) == (("recency",), (), True)
    assert training_rows(load("model", "recency")) == []
    trains = FILES["recency.py"].replace("self.register_buffer(", "self.register_parameter(")
    trains = trains.replace("torch.tensor(SHARES[1])", "nn.Parameter(torch.tensor(SHARES[1]))")
    install("trains", "[textgen.models]\ntrains = trains:Recency\n", trains)
    with pytest.raises(PluginError, match="so nothing trains its parameters; make them buffers"):
        parse_entry("char-ngram+trains")


@pytest.mark.long
def test_the_refinement_of_the_page_is_compared(textgen: Callable[..., str]) -> None:
    printed = textgen("textgen bench char-ngram char-ngram+recency --plugin recency.py", *BRIEFLY)
    assert [row["error"] for row in json.loads(printed)["entries"]] == [None, None]


BOOK = """<?xml version="1.0" encoding="windows-1251"?>
<FictionBook xmlns="http://www.gribuser.ru/xml/fictionbook/2.0"><description><annotation><p>Not this.</p>
</annotation></description><body><title><p>Глава 1</p></title>{}</body>
<body name="notes"><p>Nor this.</p></body><binary id="a">/9j/4AAQ</binary></FictionBook>"""


def test_the_reader_of_the_page_reads_a_book(textgen: Callable[..., str], tmp_path: Path) -> None:
    line = "textgen corpus book.fb2 --plugin fb2.py"
    paragraphs = "".join(f"<p>Paragraph  {n} is <emphasis>here</emphasis>.</p>\n" for n in range(40))
    (tmp_path / "book.fb2").write_bytes(BOOK.format(paragraphs).encode("cp1251"))
    expected = "Глава 1\n\n" + "".join(f"Paragraph {n} is here.\n\n" for n in range(40))
    told = json.loads(textgen(line, "--clean", "raw", "--json"))
    assert told["sha256"] == sha256(expected.encode()).hexdigest()
    (tmp_path / "book.fb2").write_bytes(BOOK.format(paragraphs).encode("cp1251")[:-99])
    done = run_textgen(*shlex.split(line)[1:], cwd=tmp_path, code=1)
    assert "book.fb2 is damaged, or not what its name says: unclosed token" in done.stderr


def test_the_logger_of_the_page_logs(textgen: Callable[..., str], tmp_path: Path) -> None:
    briefly = ["--corpus", "lee", "--out", str(tmp_path / "run"), *BRIEFLY]
    briefly = [word for word in briefly if word not in ("--length", "40")]
    textgen("textgen train char-lstm --log csvfile --plugin csv_file.py", *briefly)
    header, *rows = (tmp_path / "run.csv").read_text("utf-8").splitlines()
    assert header == "update,name,value"
    assert "bits_per_char/validation" in {row.split(",")[1] for row in rows}


def test_the_command_of_the_page_says_what_a_run_is(textgen: Callable[..., str], tmp_path: Path) -> None:
    tiny = ["--corpus", "lee", "--max-chars", "4000", "--device", "cpu", "--quiet"]
    run_textgen("train", "random", *tiny, cwd=tmp_path)
    line = "textgen stats latest --plugin stats.py"
    told = json.loads(textgen(line, "--json", "--digits", "2"))
    assert told.keys() == {"entry", "parameters", "bits/char"}
    assert told["entry"] == "random"
    assert 5 < told["bits/char"] == round(told["bits/char"], 2) < 7
    assert "entry\trandom" in textgen(line)
    assert "--digits" in textgen("textgen stats --help --plugin stats.py")
    assert "command\tstats\tpassed" in textgen("textgen plugins check stats --plugin stats.py")


def test_the_page_has_the_group_of_every_kind() -> None:
    assert set(re.findall(r"^\| .*\| `(textgen\.[a-z]+)` \|$", PAGE, re.M)) >= set(KINDS.values())


def test_the_page_explains_every_check() -> None:
    from textgen_kit import checks

    existing = {check.id for kind in KINDS for check in checks(kind)}
    of_many_kinds = set(re.findall(r"`…-([a-z-]+)`", PAGE))
    explained = set(re.findall(rf"`((?:{'|'.join(KINDS)})-[a-z0-9-]+)`", PAGE))
    assert explained | {each for each in existing if each.partition("-")[2] in of_many_kinds} == existing


# --- the rest


def test_the_contracts_are_those_of_the_code() -> None:
    made = runpy.run_path(str(ROOT / "docs" / "contracts.py"))
    page: str = made["page"](made["CONTRACTS"].read_text("utf-8"))
    assert made["PAGE"].read_text("utf-8") == page, "textgen/contracts.py has changed: run make docs"
    for name in (
        "Tokenizer",
        "Model",
        "Sampler",
        "Embedding",
        "CorpusSource",
        "Cleaner",
        "Reader",
        "Logger",
        "WordVectors",
        "PretrainedVectors",
    ):
        assert f"\n## {name}\n" in page
    for section in re.findall(r"^## (?:Base)?Model\n.*?(?=^## )", page, re.M | re.S):
        assert "def forward(self, ids: Tensor, state: State) -> tuple[Tensor, State]\n" in section
    assert "class BaseModel(Model)\n" in page
