"""Every bundled component passes the checks of its kind, as those of other authors should."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from textgen.registry.registry import KINDS, load, plugins
from textgen_kit import run_checks

SMALL = {"num_layers": 2, "hidden_size": 16}
SLOW: dict[str, dict[str, Any]] = {
    "original": {"window": 20, "hidden_size": 32},
    **{name: {"hidden_size": 32} for name in ("lstm", "gru", "transformer", "hier")},
}
"""Options of models that are large by default."""
BUNDLED = [each for kind in KINDS for each in plugins(kind) if each.distribution == "textgen-bench"]
COMPONENTS: list[tuple[str, str, dict[str, Any]]] = [
    *((each.kind, each.name, SLOW.get(each.name, {}) if each.kind == "model" else {})
      for each in BUNDLED),
    ("model", "original", {"window": 7, "hidden_size": 16}),
    ("tokenizer", "word", {"max_words": 20, "min_count": 1}),
    ("model", "lstm", {**SMALL, "softmax": "adaptive", "dropout": 0.5}),
    ("model", "lstm", {**SMALL, "tie_weights": False, "embedding_size": 8}),
    ("model", "gru", {**SMALL, "softmax": "adaptive", "dropout": 0.5}),
    ("model", "transformer", {**SMALL, "num_heads": 2, "context": 8, "softmax": "adaptive", "dropout": 0.5}),
    ("model", "hier", {"hidden_size": 16, "num_keys": 10, "softmax": "adaptive", "dropout": 0.5}),
    ("model", "hier", {"hidden_size": 16, "lower_size": 8, "word_size": 8, "tie_weights": False}),
    ("model", "ngram", {"order": 1}),
    ("model", "ngram", {"order": 5, "discount": 0.5}),
    ("embedding", "word2vec", {"dimension": 8, "skip_gram": True, "frozen": True}),
]  # fmt: skip


def name_of(name: str, options: dict[str, Any]) -> str:
    return name + ":" * bool(options) + ",".join(f"{option}={value}" for option, value in options.items())


@pytest.fixture(autouse=True)
def no_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What would be downloaded cannot be, and has not been before."""
    for variable in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(variable, "http://127.0.0.1:9")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "name", "options"),
    [
        pytest.param(
            *component,
            id=f"{component[0]} {name_of(*component[1:])}",
            # That of the LSTM shows what an output layer of its own changes.
            marks=[pytest.mark.long] if "tie_weights" in component[2] and component[1] != "lstm" else [],
        )
        for component in COMPONENTS
    ],
)
def test_a_component_passes_all_checks(kind: str, name: str, options: dict[str, Any]) -> None:
    results = run_checks(kind, load(kind, name), **options)
    assert [result for result in results if result.status == "failed"] == []
    if all(result.status == "skipped" for result in results):
        pytest.skip(results[0].reason)
