"""What another process says of plugins is what they say here, and nothing else is believed."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from helpers.commands import forget_plugin_files
from helpers.plugins import TOY_MODEL
from textgen.comparison.references import reference_entries
from textgen.contracts import TextgenError
from textgen.experiment.entry_parser import parse_entry
from textgen.jobs.plugin_code import (
    list_plugin_file,
    measure_metrics,
    read_entries,
    read_entry,
    try_metrics,
    try_samplers,
)
from textgen.registry import registry
from textgen.registry.registry import PluginError
from textgen.registry.single_file import load_plugin_file
from textgen.runtime.messages import UsageError

Install = Callable[[str, str, str], None]
MODEL = TOY_MODEL.format("") + "    recommended_training = {'learning_rate': 0.003, 'optimizer': 'adam'}\n"


@pytest.fixture(autouse=True)
def no_files() -> Iterator[None]:
    yield
    forget_plugin_files()


def listed(folder: Path, name: str = "toy.py", code: str = MODEL) -> list[str]:
    (folder / name).write_text(code)
    return [plugin.name for plugin in list_plugin_file(folder / name)]


def test_what_an_entry_of_a_file_says_is_what_it_says_here(tmp_path: Path) -> None:
    before = set(sys.modules)
    assert listed(tmp_path) == ["toy"]
    told = read_entry("2*char-toy+ngram:learning_rate=0.01")
    assert not any(name.startswith("plugin_file_toy") for name in sys.modules.keys() - before)
    here = parse_entry(told.name)
    assert told == here
    assert told.facts == here.facts
    assert told.train_options() == here.train_options()
    assert told.train_options("toy").optimizer == "adam"
    sys.modules.pop(registry.find("model", "toy").module)


def test_a_broken_entry_has_its_reason_and_costs_no_other(tmp_path: Path) -> None:
    listed(tmp_path)
    built = "    def fit(self, ids): ...\n    def __new__(cls, *_): os.kill(os.getpid(), 9)\n"
    listed(tmp_path, "dies.py", "import os\n" + MODEL.replace("Toy", "Dies") + built)
    entries, broken = read_entries(["char-toy", "char-dies", " char-uniform ", "char-toy:"])
    assert [entry.name for entry in entries] == ["char-toy", "char-uniform", "char-toy:"]
    (reason,) = broken.values()
    assert reason.startswith("model 'dies' (plugin_file_dies_")
    assert reason.endswith(" cannot be loaded: its process was killed, possibly by the out-of-memory killer")
    with pytest.raises(PluginError, match="was killed"):
        read_entry("char-dies")


def test_what_a_process_claims_is_checked(tmp_path: Path) -> None:
    forged = "import textgen.registry.single_file as s\n" + (
        "s.components_in.__code__ = (lambda path: [('reference', 'Toy'), ('model', 'Toy')]).__code__\n"
    )
    assert [plugin.kind for plugin in list_plugin_file(_written(tmp_path, MODEL + forged))] == ["model"]
    lies = "import textgen.jobs.plugin_code as p\np.tell.__code__ = (lambda read: {}).__code__\n"
    for answer, problem in (
        ("3", "its result cannot be kept"),
        ("ToldEntry(entry := parse_entry('char-lstm'), entry.facts)", "claims that it is 'char-lstm'"),
    ):
        listed(tmp_path, "lies.py", MODEL.replace("Toy", "Lies") + lies.format(answer))
        with pytest.raises(PluginError, match=problem):
            read_entry("char-lies")


def _written(folder: Path, code: str) -> Path:
    (folder / "forged.py").write_text(code)
    return folder / "forged.py"


def test_a_sampler_is_tried_out_elsewhere(tmp_path: Path) -> None:
    sampler = "class {}:\n    temperature = 0.7\n    def __call__(self, logits, uniforms): return logits{}\n"
    listed(tmp_path, "coin.py", sampler.format("Coin", ".argmax(-1)") + sampler.format("Wrong", ""))
    assert try_samplers(["coin", "greedy"]) == {"coin": 0.7, "greedy": None}
    with pytest.raises(
        PluginError, match=r"sampler 'wrong' .* returned torch.float32 \[3, 4\] instead of ids"
    ):
        try_samplers(["wrong"])
    with pytest.raises(UsageError, match="entropy=auto needs a text"):
        try_samplers(["coin:entropy=auto"])


def test_aliases_and_references_of_other_distributions_are_not_imported_here(install: Install) -> None:
    points = "[textgen.aliases]\nown = own:ENTRY\n[textgen.references]\nown-too = own:ENTRY\n"
    install("own", points, "ENTRY = 'byte-ngram:order=2'")
    assert read_entry("own").parts == {"tokenizer": "byte", "model": "ngram"}
    assert "byte-ngram:order=2" in [entry.name for entry in reference_entries([])]
    assert "own" not in sys.modules


def test_an_entry_whose_code_has_changed_since_it_was_read_is_not_trained(tmp_path: Path) -> None:
    listed(tmp_path)
    entry = read_entry("char-toy")
    forget_plugin_files()
    (tmp_path / "toy.py").write_text(MODEL + "\n")
    load_plugin_file(tmp_path / "toy.py")
    with pytest.raises(TextgenError, match="code of 'char-toy' has changed since the command began"):
        entry.build_tokenizer()


# --- metrics


CODE = '''
class Length:
    """Characters of a sample.

    More.
    """
    unit, best = "characters", "higher"
    def __init__(self, *, at_least: int = 1):
        self.at_least = at_least
    def measure(self, text):
        return len(text) if len(text) >= self.at_least else None

class Wrong:
    """Wrong values."""
    def measure(self, text):
        return {"a": "1", "b": float("nan"), "c": 1 / 0 if text == "c" else 0}.get(text, 1)

class Odd(Length):
    """An odd direction."""
    best = "most"
'''
POINTS = (
    "[textgen.metrics]\nlength = toys:Length\nwrong = toys:Wrong\nodd = toys:Odd\nnum_words = toys:Length\n"
)


@pytest.fixture
def metrics(install: Install) -> None:
    """Metrics of another distribution."""
    install("toys", POINTS, CODE)


@pytest.mark.usefixtures("metrics")
def test_a_metric_is_the_mean_of_the_samples_that_have_a_value() -> None:
    texts = [["ab", "abcd", "abcdef"], ["a", "abc"], []]
    (found,) = measure_metrics(["length:at_least=2"], texts)
    assert found.info.problem is None
    assert (found.info.name, found.info.unit, found.info.best) == (
        "length:at_least=2",
        "characters",
        "higher",
    )
    assert found.info.hint == "Characters of a sample"
    assert found.info.source.startswith("toys 1.0")
    whole, partly, none = found.measured()
    assert whole.metrics == {"length:at_least=2": 4.0}
    assert whole.pseudovalues["length:at_least=2"] == pytest.approx((2, 4, 6))
    assert (partly.metrics, partly.pseudovalues) == ({"length:at_least=2": 3.0}, {})
    assert none.metrics == {"length:at_least=2": None}


@pytest.mark.usefixtures("metrics")
def test_what_a_metric_breaks_is_told() -> None:
    said = [measure_metrics(["wrong"], [[text]])[0].info.problem or "" for text in "abc"]
    assert "returned '1' instead of a finite number or None" in said[0]
    assert "returned nan instead of a finite number or None" in said[1]
    assert "metric 'wrong'" in said[2]
    assert "ZeroDivisionError" in said[2]
    for spec, message in {
        "odd": "has best = 'most'; it is one of 'author', 'higher', 'lower'",
        "num_words": "has the name of a metric of textgen itself",
        "lenght": "unknown metric 'lenght'; did you mean 'length'",
        "length:at=2": "unknown option 'at'",
    }.items():
        with pytest.raises(TextgenError, match=message):
            try_metrics([spec])
