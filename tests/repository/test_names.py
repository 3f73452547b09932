"""One word, one meaning: names that were given up stay away, a seed is random, and a figure is a plot."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
FOLDERS = ("textgen", "plugins", "embeddings", "benchmarks", "docs")
GIVEN_UP = {
    "InputTable",
    "InputVectors",
    "Streams",
    "Compute",
    "TextMeasures",
    "final_learning_rate",
    "clip_norm",
    "expect_epochs",
    "starting_options",
    "probability_error",
    "bits_by_cause",
    "new_4gram_rate",
    "longest_copy",
    "longest_copy_chars",
    "RememberingSampler",
    "culprit",
    "undisturbed",
    "unknown_word_rate",
    "bits_per_char_unknown_free",
    "invented_words",
    "accounting",
    "blame",
    "remembering",
    "Factor",
    "Measure",
    "Measures",
    "Preparation",
    "Recorder",
    "Unit",
}
"""Names from before 0.1.0 that a newcomer misread."""
GIVEN_UP_MODULES = {
    "copying",
    "drawing",
    "exam",
    "failure",
    "input_table",
    "layer_options",
    "measures",
    "output_layer",
    "packed",
    "plugin_file",
    "predict",
    "streams",
}
FILES = [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.*"))]
SOURCES = [path for path in FILES if path.suffix == ".py"]
TEXTS = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *(path for path in FILES if path.suffix in (".md", ".json")),
]
PAGES = [path for path in TEXTS if path.suffix == ".md" and path.parent in (ROOT, ROOT / "docs")]
OTHER_SEEDS = re.compile(
    r"`seed`|\b(?:bench|train|describe|suite|--clean) seed\b|\b(?:byte|char|word|bpe)-seed\b"
    r"|\bseed (?:network|model|entry|cleaner|suite|program)\b"
)
"""A model, an entry, a cleaner or a suite of this name."""
OTHER_FIGURES = re.compile(r"(?<![\w.*])figures?\b(?! dash)", re.I)
"""The word for a number; the module and the entry of the style guide do not match."""


def names_in(source: str) -> Iterator[str]:
    """Yield the identifiers in Python and the strings that are nothing but a name.

    Keys of tables from old names to new ones, whose values are strings too, are left out.
    """
    tree = ast.parse(source)
    tables = [node for node in ast.walk(tree) if isinstance(node, ast.Dict)]
    old_names = {
        id(key)
        for table in tables
        for key, value in zip(table.keys, table.values, strict=True)
        if isinstance(value, ast.Constant) and isinstance(value.value, str)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in old_names:
            yield node.value
        for field in ("id", "attr", "arg", "name", "asname"):
            if isinstance(name := getattr(node, field, None), str):
                yield name


def test_no_code_has_a_name_that_was_given_up() -> None:
    found = {str(path): GIVEN_UP & set(names_in(path.read_text("utf-8"))) for path in SOURCES}
    assert {path: names for path, names in found.items() if names} == {}


def test_old_names_would_be_found() -> None:
    source = "import Streams\ndef f(*, clip_norm=1): return x.culprit['new_4gram_rate']\nclass Compute: pass"
    assert GIVEN_UP & set(names_in(source)) == (
        {"Streams", "clip_norm", "culprit", "new_4gram_rate", "Compute"}
    )
    assert GIVEN_UP & set(names_in("renamed = {'clip_norm': 'max_grad_norm'}")) == set()


def test_no_module_has_a_name_that_was_given_up() -> None:
    assert [str(path) for path in SOURCES if path.stem in GIVEN_UP_MODULES] == []


def test_no_page_or_result_quotes_a_name_that_was_given_up() -> None:
    quoted = {str(path): re.findall(r"[`\"'.](\w+)", path.read_text("utf-8")) for path in TEXTS}
    assert {path: names for path, names in quoted.items() if GIVEN_UP & set(names)} == {}


def test_a_seed_is_a_random_seed() -> None:
    found = {str(path): OTHER_SEEDS.findall(path.read_text("utf-8")) for path in PAGES}
    assert {path: words for path, words in found.items() if words} == {}


def test_a_figure_is_a_plot() -> None:
    drawn = ROOT / "benchmarks"
    texts = [*PAGES, *(path for path in SOURCES if drawn not in path.parents)]
    found = {str(path): OTHER_FIGURES.findall(path.read_text("utf-8")) for path in texts}
    assert {path: words for path, words in found.items() if words} == {}
    assert OTHER_FIGURES.findall("The figures of a run, in Figures: *figure*, textgen_benchmarks.figures")
