"""Plugins that are broken in every way: textgen goes on, and says which one, from where, and why."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from helpers.commands import Done, notes, run_textgen
from helpers.plugins import TOY_MODEL
from textgen.registry import registry

MODEL = TOY_MODEL.format("")
TOKENIZER = """
from textgen_tokenizers.char import CharTokenizer

class Toy(CharTokenizer):
    def encode(self, text):
        return super().encode(text) + 999
"""


@dataclass(frozen=True)
class Fault:
    """A distribution with one plugin, and what must be said of it."""

    kind: str
    code: str
    reason: str


def model_that(code: str, reason: str) -> Fault:
    """A model that does something in `forward`."""
    return Fault("models", TOY_MODEL.format(code), reason)


FAULTS = {
    # --- while it is loaded
    "imports": Fault("models", "import no_such_module", "cannot be loaded: ModuleNotFoundError: No module"),
    "gru": Fault("models", MODEL, "is claimed by gru (fault_gru:Toy) and textgen-"),
    "options": Fault(
        "models",
        MODEL.replace("vocab_size)", "vocab_size, *, size: 'Nonsense' = 1)", 1),
        "has options that cannot be read: NameError: name 'Nonsense' is not defined",
    ),
    "alias": Fault("aliases", "Toy = 3", "is not a valid alias: an alias is a string, not int 3"),
    # --- while it is built
    "refuses": Fault(
        "models",
        MODEL.replace("self.num_calls = 0", "raise TypeError('too small')"),
        "failed: TypeError: too small (fault_refuses.py, line 9)",
    ),
    "recommends": Fault(
        "models",
        MODEL.replace("    def __init", "    recommended_training = {'batches': 3}\n    def __init"),
        "recommends an invalid training option: ",
    ),
    # --- in the middle of its work
    "raises": model_that(
        "if self.num_calls == 5: raise ValueError('two\\nlines')",
        "failed: ValueError: two lines (fault_raises.py, line 15)",
    ),
    "leaves": model_that(
        "if self.num_calls == 5: raise SystemExit", "failed: SystemExit (fault_leaves.py, line 15)"
    ),
    "exits": model_that(
        "if self.num_calls == 5: import os; os._exit(0)", "its process ended itself (exit code 0)"
    ),
    "hangs": model_that("while self.num_calls == 5: pass", "it made no progress for 30 s and was stopped"),
    "memory": model_that("if self.num_calls == 5: torch.zeros(2**50)", "can't allocate memory: you tried to"),
    "shape": model_that("logits = logits[:, :-1]", "returned a tensor of shape ["),
    "nan": model_that(
        "logits = logits * (float('nan') if self.training and self.num_calls > 2 else 1)",
        "training diverged at update ",
    ),
    "idle": Fault("models", MODEL.replace("nn.Embedding", "torch.zeros"), "neither trainable par"),
    "outside": Fault("tokenizers", TOKENIZER, "returned the id 1"),
    "nothing": Fault(
        "embeddings",
        "class Toy:\n    frozen = False\n    def vectors(self, train_text, tokens): return None",
        "returned NoneType instead of WordVectors",
    ),
    # --- what is not named in an entry
    "lexicon": Fault("lexicons", "def Toy(): return 1 / 0", "failed: ZeroDivisionError: division by zero"),
    "sampler": Fault(
        "samplers",
        "class Toy:\n    def __call__(self, logits, uniforms): return logits",
        "returned torch.float32 [3, 4] instead of ids [3]",
    ),
    "corpus": Fault(
        "corpora", "class Toy:\n    def read(self, item): return b'bytes'", "returned bytes instead of a str"
    ),
    "cleaner": Fault(
        "cleaners", "class Toy:\n    def clean(self, text): return text + 1", "failed: TypeError: can only"
    ),
    "talks": Fault("models", "print('hello')\n" + TOY_MODEL.format("print('again')"), ""),
}
ENTRIES = {
    "models": "char-{}",
    "tokenizers": "{}-uniform",
    "embeddings": "word-lstm-{}:num_layers=1,hidden_size=8",
    "aliases": "{}",
}
BROKEN_ENTRIES = {
    name: ENTRIES[fault.kind].format(name)
    for name, fault in FAULTS.items()
    if fault.kind in ENTRIES and fault.reason
}
NAMELESS = ("nan", "idle", "gru", "exits", "hangs")
"""Those of which the row does not name the plugin, or names two."""
BENCH = ("--corpus", "lee", "--max-chars", "6000", "--budget", "3000chars", "--precision", "fp32")
TINY = "char-lstm:num_layers=1,hidden_size=8"


def write_distribution(folder: Path, name: str, points: str, has_metadata: bool = True) -> None:
    """Write the metadata of a distribution."""
    information = folder / f"{name}-1.0.dist-info"
    information.mkdir()
    if has_metadata:
        (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text(points)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All of them installed beside each other, and one without metadata."""
    folder = tmp_path_factory.mktemp("site")
    for name, fault in FAULTS.items():
        points = f"[textgen.{fault.kind}]\n{name} = fault_{name}:Toy\n"
        write_distribution(folder, name, points)
        (folder / f"fault_{name}.py").write_text(fault.code)
    write_distribution(folder, "nameless", "[textgen.models]\nnameless = a:B\n", has_metadata=False)
    return folder


def run(paths: list[Path], *arguments: str) -> Done:
    """Run a command in a process of its own that finds what is installed in these folders."""
    found = os.pathsep.join([*map(str, paths), *filter(None, [os.environ.get("PYTHONPATH")])])
    command = [sys.executable, "-m", "textgen", *arguments]
    environment = os.environ | {"PYTHONPATH": found}
    return subprocess.run(command, capture_output=True, encoding="utf-8", env=environment, check=False)


def compared(folder: Path, *broken: str) -> Done:
    """A comparison of two that are sound with others."""
    written = ("--length", "20", "--sampler", "greedy", "--json", "--out", str(folder / f"out{len(broken)}"))
    entries = (TINY, *broken, "char-talks")
    return run([folder], "bench", *entries, *BENCH, *written, "--entry-timeout", "30s")


@pytest.fixture(scope="module")
def bench(folder: Path) -> Done:
    """A comparison with all that are not sound."""
    return compared(folder, *BROKEN_ENTRIES.values())


def test_a_comparison_continues_as_if_there_were_no_other_entries(bench: Done, folder: Path) -> None:
    assert bench.returncode == 3
    rows, alone = (
        {row["name"]: row for row in json.loads(done.stdout)["entries"]} for done in (bench, compared(folder))
    )
    for name in (TINY, "char-talks"):
        assert rows[name]["error"] is None
        for part in ("validation", "test", "score_checks", "samples", "sample_metrics", "num_parameters"):
            assert rows[name][part] == alone[name][part]
    assert "Traceback" not in bench.stderr
    assert {"hello", "again"} <= set(bench.stderr.splitlines())  # what a plugin prints
    assert "lexicon 'lexicon' (fault_lexicon:Toy, from lexicon 1.0) failed: ZeroDivisionError" in bench.stderr


@pytest.mark.parametrize("name", BROKEN_ENTRIES)
def test_the_row_of_a_broken_plugin_says_which_it_is_and_why(bench: Done, name: str) -> None:
    rows = {row["name"]: row for row in json.loads(bench.stdout)["entries"]}
    error = rows[BROKEN_ENTRIES[name]]["error"]
    assert FAULTS[name].reason in error
    assert "\n" not in error
    if name not in NAMELESS:
        assert FAULTS[name].kind.removesuffix("es").removesuffix("s") in error
        assert f"{name!r} (fault_{name}:Toy, from {name} 1.0)" in error


@pytest.fixture
def installed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """In this process too, the broken plugins are found."""
    monkeypatch.syspath_prepend(folder)
    registry.clear_caches()
    yield
    registry.clear_caches()


@pytest.mark.usefixtures("installed")
def test_the_list_shows_all_of_them_and_says_which_cannot_be_used() -> None:
    listed = json.loads(run_textgen("plugins", "--json").stdout)["plugins"]
    rows = {(row["name"], row["distribution"]): row for row in listed}
    assert set(FAULTS) <= {name for name, _ in rows}
    assert rows["nameless", "unknown"]["target"] == "a:B"
    assert rows["lstm", "textgen-bench"]["problem"] is None
    assert FAULTS["gru"].reason in rows["gru", "gru"]["problem"]
    assert FAULTS["gru"].reason in rows["gru", "textgen-bench"]["problem"]


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("sampler", ("bench", "random", *BENCH, "--sampler", "sampler")),
        ("corpus", ("bench", "random", "--corpus", "corpus")),
        ("cleaner", ("bench", "random", *BENCH, "--clean", "cleaner")),
        ("raises", ("train", "char-raises", *BENCH)),
        ("imports", ("bench", "char-imports", *BENCH)),
        ("options", ("plugins", "show", "options")),
    ],
)
def test_what_cannot_continue_ends_with_one_line_that_says_why(
    tmp_path: Path, name: str, arguments: tuple[str, ...]
) -> None:
    (line,) = notes(run_textgen(*arguments, code=1, cwd=tmp_path))
    assert line.startswith("error: ")
    assert f"{name!r} (fault_{name}:Toy, from {name} 1.0)" in line
    assert FAULTS[name].reason in line
    assert not list(tmp_path.rglob("run.json"))


@pytest.mark.usefixtures("installed")
def test_all_of_them_can_be_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEXTGEN_PLUGINS", "talks")
    rows: list[dict[str, Any]] = json.loads(run_textgen("plugins", "--json").stdout)["plugins"]
    assert {row["distribution"] for row in rows} == {"textgen-bench", "talks"}
    monkeypatch.setenv("TEXTGEN_PLUGINS", "")
    registry.clear_caches()
    done = run_textgen("bench", "char-raises", code=1)
    assert done.stderr.endswith("; raises provides it, but TEXTGEN_PLUGINS excludes it\n")
