"""The pages for plugin authors: their code runs, and their commands exist."""

from __future__ import annotations

import importlib
import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from helpers.commands import run_textgen
from helpers.pages import ROOT, find_command, read_page
from textgen.experiment.entry_parser import parse_entry
from textgen.registry.registry import KINDS, PluginError
from textgen_kit import new

PAGE = read_page("docs/write-a-plugin.md") + read_page("docs/other-kinds.md")

FILES: dict[str, str] = dict(re.findall(r"^```python\n# (\S+\.py)\n(.*?)^```", PAGE, re.S | re.M))
"""The Python on the page by file name, which is its first line."""
DIFFS = re.findall(r"^```diff\n(.*?)^```", PAGE, re.S | re.M)
"""Changes of the model, one after the other: a token embedding, then an output layer, a loss and a step."""
EXAMPLES = {
    path.stem: path.read_text("utf-8")
    for path in (ROOT / "plugins" / "textgen_kit" / "examples").glob("*.py")
    if path.stem != "__init__"
}
"""The components of new projects by kind, in which each is called `Example`."""
SHELL = [line for block in re.findall(r"^```sh\n(.*?)^```", PAGE, re.S | re.M) for line in block.splitlines()]
TEXTGEN = [line for line in SHELL if re.match(r"(?:\w+=\S+ )?textgen ", line)]
BRIEFLY = ["--budget", "2000chars", "--max-chars", "20000", "--length", "40", "--device", "cpu", "--json"]

Install = Callable[..., None]


# --- code


def test_the_model_of_the_page_is_that_of_a_new_project() -> None:
    assert FILES["decay.py"] == re.sub(r"\bExample\b", "Decay", EXAMPLES["model"])


@pytest.mark.parametrize("kind", sorted(EXAMPLES))
def test_the_examples_of_all_kinds_pass_every_check(kind: str, install: Install) -> None:
    check_component(new.KIND_OF.get(kind, kind), EXAMPLES[kind], "Example", install)


def check_component(kind: str, code: str, name: str, install: Install) -> None:
    from textgen_kit import run_checks

    module = f"checked_{kind}_{name.lower()}"
    install(module, f"[{KINDS[kind]}]\n{name.lower()} = {module}:{name}\n", code)
    outcomes = run_checks(kind, getattr(importlib.import_module(module), name))
    assert outcomes
    assert [outcome for outcome in outcomes if outcome.status == "failed"] == []


@pytest.mark.slow
def test_the_model_becomes_one_with_vectors_an_adaptive_softmax_a_loss_and_a_step(install: Install) -> None:
    from textgen_kit import run_checks

    install("decay", "", changed(FILES["decay.py"], DIFFS))
    Decay = importlib.import_module("decay").Decay  # noqa: N806
    statuses = {result.check: result.status for result in run_checks("model", Decay)}
    assert [check for check, status in statuses.items() if status == "failed"] == []
    for check in ("model-loss", "model-step", "model-vectors"):
        assert statuses[check] == "passed", check


def changed(code: str, diffs: list[str]) -> str:
    """Return a file of the page after some of its diffs, one after the other."""
    for hunk in [hunk for diff in diffs for hunk in diff.split("@@\n")]:
        old, new = ("".join(re.findall(rf"^[ {sign}](.*\n)", hunk, re.M)) for sign in ("-", "+"))
        assert code.count(old) == 1, old
        code = code.replace(old, new)
    return code


# --- commands


@pytest.mark.parametrize("line", [line for line in TEXTGEN if not line.startswith("textgen stats ")])
def test_a_command_of_the_page_exists_with_its_options(line: str) -> None:
    words = shlex.split(line)
    command, words = find_command(words[words.index("textgen") + 1 :])
    known = {option for parameter in command.params for option in parameter.opts}
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


def test_a_refinement_with_parameters_is_refused(install: Install) -> None:
    trains = EXAMPLES["refinement"].replace("self.register_buffer(", "self.register_parameter(")
    trains = trains.replace("torch.tensor(SHARES[1])", "nn.Parameter(torch.tensor(SHARES[1]))")
    install("trains", "[textgen.models]\ntrains = trains:Example\n", trains)
    with pytest.raises(PluginError, match="so nothing trains its parameters; make them buffers"):
        parse_entry("char-ngram+trains")


def test_the_command_of_the_page_says_what_a_run_is(textgen: Callable[..., str], tmp_path: Path) -> None:
    tiny = ["--corpus", "lee", "--max-chars", "4000", "--device", "cpu", "--quiet"]
    run_textgen("train", "random", *tiny, cwd=tmp_path)
    line = "textgen stats latest --plugin stats.py"
    told = json.loads(textgen(line, "--json"))
    assert told.keys() == {"parameters", "bits/char"}
    assert 5 < told["bits/char"] < 7
    assert "bits/char\t" in textgen(line)
    assert "command\tstats\tpassed" in textgen("textgen plugins check stats --plugin stats.py")
