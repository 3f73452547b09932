"""Plugins that are broken in every way: textgen goes on, and says which one, from where, and why."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

MODEL = """
import torch
from torch import nn

class Toy(nn.Module):
    def __init__(self, vocab_size):
        super().__init__()
        self.table = nn.Embedding(vocab_size, vocab_size)
        self.num_calls = 0
    def initial_state(self, batch_size):
        return torch.zeros(batch_size, 0)
    def forward(self, ids, state):
        self.num_calls += 1
        logits = self.table(ids)
        {}
        return logits, state
"""
TOKENIZER = """
import numpy
from textgen_tokenizers.char import CharTokenizer

class Toy(CharTokenizer):
    def encode(self, text):
        ids = super().encode(text)
        {}
        return ids
"""


@dataclass(frozen=True)
class Fault:
    """A distribution with one plugin, what is tried with it, and what must be said."""

    kind: str
    code: str
    reason: str
    target: str = ""
    requires: str = ""


FAULTS = {
    # --- while it is loaded
    "imports": Fault("models", "import no_such_module", "cannot be loaded: ModuleNotFoundError: No module"),
    "exits": Fault("models", "raise SystemExit(3)", "cannot be loaded: SystemExit: 3"),
    "syntax": Fault("models", "def", "cannot be loaded: SyntaxError: invalid syntax"),
    "lacks": Fault("models", "x = 1", "cannot be loaded: AttributeError: module 'fault_lacks' has no"),
    "malformed": Fault("models", MODEL, "cannot be loaded: ", target="no target!"),
    "function": Fault("models", "def Toy(): pass", "is no model: a model is a class, not function 'Toy'"),
    "wrongkind": Fault("models", TOKENIZER.format(""), "is no model: Toy has no initial_state and"),
    "methodless": Fault("tokenizers", "class Toy: pass", "is no tokenizer: Toy has no fit and no encode"),
    "old": Fault("models", MODEL.format(""), "old requires textgen-bench<0.1,", requires="textgen-bench<0.1"),
    "gru": Fault("models", MODEL.format(""), "is claimed by gru (fault_gru:Toy) and textgen-"),
    "options": Fault(
        "models",
        MODEL.format("").replace("vocab_size)", "vocab_size, *, size: 'Nonsense' = 1)", 1),
        "has options that cannot be read: NameError: name 'Nonsense' is not defined",
    ),
    # --- while it is built
    "refuses": Fault(
        "models",
        MODEL.format("").replace("self.num_calls = 0", "raise TypeError('too small')"),
        "failed: TypeError: too small (fault_refuses.py, line 9)",
    ),
    "quits": Fault(
        "models",
        MODEL.format("").replace("self.num_calls = 0", "raise SystemExit('enough')"),
        "failed: SystemExit: enough (fault_quits.py, line 9)",
    ),
    "recommends": Fault(
        "models",
        MODEL.format("").replace(
            "    def __init", "    recommended_training = {'batches': 3}\n    def __init"
        ),
        "recommends a training that there is not: ",
    ),
    # --- in the middle of its work
    "raises": Fault(
        "models",
        MODEL.format("if self.num_calls == 5: raise ValueError('two\\nlines')"),
        "failed: ValueError: two lines (fault_raises.py, line 15)",
    ),
    "leaves": Fault(
        "models",
        MODEL.format("if self.num_calls == 5: raise SystemExit"),
        "failed: SystemExit (fault_leaves.py, line 15)",
    ),
    "shape": Fault("models", MODEL.format("logits = logits[:, :-1]"), "returned a tensor of shape ["),
    "stateless": Fault("models", MODEL.format("return logits"), "without a state for ids of shape ["),
    "nan": Fault(
        "models",
        MODEL.format("logits = logits * (float('nan') if self.num_calls == 3 else 1)"),
        "training diverged at update ",
    ),
    "idle": Fault("models", MODEL.format("").replace("nn.Embedding", "torch.zeros"), "neither trainable par"),
    "outside": Fault("tokenizers", TOKENIZER.format("ids = ids + 999"), "gives the id 1"),
    "floats": Fault("tokenizers", TOKENIZER.format("ids = ids / 2"), "1 dimensions of float64, not"),
    "stumbles": Fault(
        "tokenizers",
        TOKENIZER.format("raise KeyError(text[:3])"),
        "failed: KeyError: 'Hun' (fault_stumbles.py, line 8",
    ),
    "nothing": Fault(
        "embeddings",
        "class Toy:\n    frozen = False\n    def vectors(self, train_text, tokens): return None",
        "returned NoneType in place of gensim's KeyedVectors",
    ),
    # --- in ways that hide what is wrong
    "metaclass": Fault(
        "models",
        "class Meta(type):\n    def __getattr__(cls, name): raise RuntimeError(name)\n"
        "class Toy(metaclass=Meta): pass",
        "cannot be loaded: RuntimeError: ",
    ),
    "generatorexit": Fault("models", MODEL.format("raise GeneratorExit"), "failed: GeneratorExit (fault_gen"),
    "unusual": Fault(
        "models",
        "class Unusual(BaseException): pass\n" + MODEL.format("raise Unusual('so')"),
        "failed: Unusual: so (fault_unusual.py, line 16)",
    ),
    "unspeakable": Fault(
        "models",
        "class Mute(Exception):\n    def __str__(self): raise ValueError\n" + MODEL.format("raise Mute"),
        "failed: Mute (fault_unspeakable.py, line 17)",
    ),
    "endless": Fault(
        "models", MODEL.format("raise ValueError('very ' * 9999)"), "failed: ValueError: very ve"
    ),
    "inherits": Fault(
        "models",
        "from textgen_models.lstm.model import LSTM\n"
        "class Toy(LSTM):\n    def initial_state(self, batch_size): return None",
        "failed: TypeError: ",
    ),
    "shares": Fault(
        "models",
        MODEL.format("raise RuntimeError('tensors share memory')"),
        "failed: RuntimeError: tensors share memory",
    ),
    "larger": Fault(
        "models",
        MODEL.format("").replace("vocab_size, vocab_size)", "vocab_size, vocab_size + 1)"),
        "tokens; the vocabulary, its first argument, has ",
    ),
    "whole": Fault("models", MODEL.format("logits = logits.long()"), "returned a tensor of torch.int64 for"),
    "many": Fault(
        "models",
        MODEL.format("").replace(
            "    def __init", "    recommended_training = {'batch_size': 'many'}\n    def __init"
        ),
        "recommends a training that there is not: recommended_training: option batch_size=many",
    ),
    "selfish": Fault("aliases", "Toy = 'selfish'", "'selfish', is no entry: unknown entry 'selfish'"),
    # --- what is not named in an entry
    "lexicon": Fault("lexicons", "def Toy(): return 1 / 0", "failed: ZeroDivisionError: division by zero"),
    "alias": Fault("aliases", "Toy = 3", "is no alias: an alias is a string, not int 3"),
    "sampler": Fault(
        "samplers",
        "class Toy:\n    def __call__(self, logits, uniforms): return logits",
        "returned torch.float32 [3, 4] in place of ids [3]",
    ),
    "corpus": Fault("corpora", "class Toy:\n    def read(self, item): return b'bytes'", "reads bytes in"),
    "cleaner": Fault(
        "cleaners", "class Toy:\n    def clean(self, text): return text + 1", "failed: TypeError: can only"
    ),
    "talks": Fault("models", "print('hello')\n" + MODEL.format("print('again')"), ""),
}
ENTRIES = {
    "models": "char-{}",
    "tokenizers": "{}-uniform",
    "embeddings": "word-lstm-{}:num_layers=1,hidden_size=8",
    "aliases": "{}",
}


BROKEN_ENTRIES = [name for name, fault in FAULTS.items() if fault.kind in ENTRIES and fault.reason]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All of them installed beside each other, and one without metadata."""
    folder = tmp_path_factory.mktemp("site")
    for name, fault in FAULTS.items():
        information = folder / f"{name}-1.0.dist-info"
        information.mkdir()
        requires = f"Requires-Dist: {fault.requires}\n" if fault.requires else ""
        (information / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{requires}"
        )
        points = f"[textgen.{fault.kind}]\n{name} = {fault.target or f'fault_{name}:Toy'}\n"
        (information / "entry_points.txt").write_text(points)
        (folder / f"fault_{name}.py").write_text(fault.code)
    (folder / "nameless-1.0.dist-info").mkdir()
    (folder / "nameless-1.0.dist-info" / "entry_points.txt").write_text("[textgen.models]\nnameless = a:B\n")
    return folder


Result = subprocess.CompletedProcess[str]


def run(path: Path | str, *arguments: str, **variables: str) -> Result:
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(path)} | variables
    command = [sys.executable, "-m", "textgen", *arguments]
    return subprocess.run(command, capture_output=True, encoding="utf-8", env=environment, check=False)


BENCH = ("--corpus", "lee", "--max-chars", "20000", "--budget", "3000chars", "--precision", "fp32")
TINY = "char-lstm:num_layers=1,hidden_size=8"


@pytest.fixture(scope="module")
def bench(folder: Path) -> Result:
    """A comparison of two that are sound with all that are not."""
    entries = [ENTRIES[FAULTS[name].kind].format(name) for name in BROKEN_ENTRIES]
    out = ("--length", "20", "--json", "--out", str(folder / "out"))
    return run(folder, "bench", TINY, "char-talks", *entries, *BENCH, *out)


@pytest.fixture
def path(folder: Path, tmp_path: Path) -> str:
    """The same beside one whose entry points cannot be read, with which torch itself cannot be imported."""
    (tmp_path / "garbage-1.0.dist-info").mkdir()
    (tmp_path / "garbage-1.0.dist-info" / "entry_points.txt").write_text("[textgen.models]\nno equals sign\n")
    return f"{folder}{os.pathsep}{tmp_path}"


def test_help_works_beside_all_of_them(path: str) -> None:
    done = run(path, "--help")
    assert done.returncode == 0
    assert "bench" in done.stdout
    assert done.stderr == ""


def test_the_list_shows_all_of_them_and_says_which_cannot_be_used(path: str) -> None:
    done = run(path, "plugins", "--json")
    rows = {(row["name"], row["distribution"]): row for row in json.loads(done.stdout)["plugins"]}
    assert set(FAULTS) <= {name for name, _ in rows}
    assert rows["nameless", "unknown"]["target"] == "a:B"
    assert rows["lstm", "textgen-bench"]["problem"] is None
    assert FAULTS["old"].reason in rows["old", "old"]["problem"]
    assert FAULTS["gru"].reason in rows["gru", "gru"]["problem"]
    assert FAULTS["gru"].reason in rows["gru", "textgen-bench"]["problem"]


def test_a_comparison_goes_on_with_the_others(bench: Result) -> None:
    assert bench.returncode == 0
    rows = {row["name"]: row for row in json.loads(bench.stdout)["entries"]}
    for name in (TINY, "char-talks"):
        assert rows[name]["error"] is None
        assert rows[name]["test"]["bits_per_char"] > 0
    assert "Traceback" not in bench.stderr


def test_what_a_plugin_prints_is_not_in_the_result(bench: Result) -> None:
    assert bench.stdout.startswith("{")
    assert {"hello", "again"} <= set(bench.stderr.splitlines())


@pytest.mark.parametrize(
    "name", [name for name, fault in FAULTS.items() if fault.kind in ENTRIES and fault.reason]
)
def test_the_row_of_a_broken_plugin_says_which_it_is_and_why(bench: Result, name: str) -> None:
    fault = FAULTS[name]
    rows = {row["name"]: row for row in json.loads(bench.stdout)["entries"]}
    error = rows[ENTRIES[fault.kind].format(name)]["error"]
    assert fault.reason in error
    assert "\n" not in error
    if name not in ("nan", "idle", "gru"):  # which are told by the row, and by both claims
        target = fault.target or f"fault_{name}:Toy"
        assert f"{fault.kind.removesuffix('es').removesuffix('s')}" in error
        assert f"{name!r} ({target}, from {name} 1.0)" in error


def test_a_broken_lexicon_is_left_out_with_a_word(bench: Result) -> None:
    assert "lexicon 'lexicon' (fault_lexicon:Toy, from lexicon 1.0) failed: ZeroDivisionError" in bench.stderr


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
def test_where_nothing_can_go_on_one_line_says_why(
    folder: Path, tmp_path: Path, name: str, arguments: tuple[str, ...]
) -> None:
    command = [sys.executable, "-m", "textgen", *arguments]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(folder)}
    done = subprocess.run(
        command, capture_output=True, encoding="utf-8", env=environment, cwd=tmp_path, check=False
    )
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ")
    assert f"{name!r} (fault_{name}:Toy, from {name} 1.0)" in line
    assert FAULTS[name].reason in line
    assert not list(tmp_path.rglob("run.json"))


def test_all_of_them_can_be_left_out(folder: Path) -> None:
    done = run(folder, "plugins", "--json", TEXTGEN_PLUGINS="talks")
    rows: list[dict[str, Any]] = json.loads(done.stdout)["plugins"]
    assert {row["distribution"] for row in rows} == {"textgen-bench", "talks"}
    done = run(folder, "bench", "char-raises", TEXTGEN_PLUGINS="")
    assert done.stderr.endswith("; raises has it, but TEXTGEN_PLUGINS leaves it out\n")
    assert done.returncode == 1
