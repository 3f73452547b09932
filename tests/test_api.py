"""The public Python API: what `import textgen` offers, and that it does what the commands do."""

from __future__ import annotations

import ast
import inspect
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer.main

import textgen
from helpers.commands import TINY, forget_plugin_files
from helpers.pages import read_page
from textgen import library
from textgen.cli.app import app
from textgen.training.progress import Step

EXPORTED = [
    "Comparison",
    "Corpus",
    "Run",
    "TextgenError",
    "TextgenWarning",
    "__version__",
    "bench",
    "load",
    "load_corpus",
    "load_plugin_file",
    "plugins",
    "train",
]
QUICK: dict[str, Any] = {"budget": "2000chars", "device": "cpu", "precision": "fp32"}


@pytest.fixture(scope="module")
def text(news: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("text") / "news.txt"
    path.write_text(news[:20_000], "utf-8")
    return path


@pytest.fixture(scope="module")
def run(text: Path, tmp_path_factory: pytest.TempPathFactory) -> textgen.Run:
    out = tmp_path_factory.mktemp("runs") / "run"
    return textgen.train(TINY, corpus=str(text), out=str(out), **QUICK)


# --- the names


def test_the_names_are_frozen() -> None:
    assert textgen.__all__ == EXPORTED
    assert set(EXPORTED) <= set(dir(textgen))
    assert all(getattr(textgen, name) is not None for name in EXPORTED)
    with pytest.raises(AttributeError, match="module 'textgen' has no attribute 'benhc'"):
        textgen.benhc  # type: ignore[attr-defined] # noqa: B018


def test_every_public_function_and_class_of_the_library_is_exported() -> None:
    own = {
        name
        for name, thing in vars(library).items()
        if getattr(thing, "__module__", "").startswith(f"{library.__name__}.") and not name.startswith("_")
    }
    assert own == set(EXPORTED) - {"Corpus", "TextgenError", "TextgenWarning", "__version__"}


def test_type_checkers_see_every_exported_name() -> None:
    tree = ast.parse(Path(str(textgen.__file__)).read_text("utf-8"))
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    assert set(EXPORTED) <= {alias.name for node in imports for alias in node.names}
    assert (Path(str(textgen.__file__)).parent / "py.typed").exists()


@pytest.mark.parametrize(
    ("command", "function"),
    [
        ("bench", textgen.bench),
        ("train", textgen.train),
        ("corpus", textgen.load_corpus),
        ("sample", textgen.Run.sample),
        ("score", textgen.Run.score),
    ],
)
def test_keywords_are_the_options_of_the_command_with_the_same_defaults(
    command: str, function: Callable[..., Any]
) -> None:
    options = {
        parameter.name: parameter.default
        for parameter in typer.main.get_command(app).commands[command].params  # type: ignore[attr-defined]
        if any(option.startswith("--") for option in parameter.opts)
    }
    keywords = {
        name: parameter.default
        for name, parameter in inspect.signature(function).parameters.items()
        if parameter.default is not inspect.Parameter.empty
    }
    for name in options.keys() & keywords.keys():
        default = options[name]
        plain = default[0] if isinstance(default, list) and len(default) == 1 else default
        assert (keywords[name] or None) == (plain or None), name
    only_typed = {"as_json", "plugin", "diff", "number", "help", "full", "quiet", "temperature"}
    of_the_run = {"device", "precision"} if command in ("sample", "score") else set()
    assert options.keys() - keywords.keys() <= only_typed | of_the_run
    assert keywords.keys() - options.keys() <= {"report", "progress", "corpus"}


# --- what they do


def test_a_run_is_trained_saved_and_loaded_again(run: textgen.Run) -> None:
    assert run.entry == TINY
    assert run.result.test is not None
    assert 0 < run.result.test.bits_per_char < 8
    assert run.settings.budget == "2000chars"
    again = textgen.load(str(run.folder), device="cpu", precision="fp32")
    assert again.result == run.result
    assert again.sample("The weather") == run.sample("The weather")
    assert repr(run) == f"Run({TINY!r}, folder={str(run.folder)!r})"


def test_what_a_run_writes_depends_on_prompt_and_seed(run: textgen.Run) -> None:
    first, second = run.samples(2, "The ", length=50)
    assert [len(first), len(second)] == [50, 50]
    assert first != second
    assert run.sample("The ", length=50, seed=1) == second
    assert "".join(run.stream("The ", length=50)) == first
    assert run.sample(length=30, sampler="greedy") == run.sample(length=30, sampler="greedy", seed=7)


def test_a_word_model_spells_unless_it_is_told_not_to(text: Path, tmp_path: Path) -> None:
    entry = TINY.replace("char", "word")
    run = textgen.train(entry, corpus=text, out=tmp_path / "run", **QUICK)
    assert (tmp_path / "run" / "spellings.json").exists()
    spelled = "\ufffd"  # at this temperature, bytes in any order
    sampler = "temperature:temperature=3"
    assert spelled in run.sample(sampler=sampler)
    written = textgen.load(run.folder, device="cpu", precision="fp32").sample(
        sampler=sampler, spelling="none"
    )
    assert spelled not in written
    assert "".join(run.stream(sampler=sampler, spelling="none")) == written
    told = {"out": tmp_path / "bench", "sampler": sampler, "spelling": "none"}
    rows = textgen.bench([TINY, entry], corpus=text, **told, **QUICK).entries
    of_char, of_word = (row.samples[0].text for row in rows)
    assert spelled in of_char
    assert spelled not in of_word


def test_a_string_is_scored_itself_and_a_path_is_read(run: textgen.Run, text: Path) -> None:
    scored = run.score(text)
    assert run.score(text.read_text("utf-8")) == scored
    assert 0 < scored.bits_per_char < 8
    with pytest.raises(textgen.TextgenError, match=r"^encoding has no effect on a string; leave it out$"):
        run.score("A text.", encoding="latin-1")
    assert run.score("Hundreds of people. " * 9, clean="letters") == run.score(
        "hundreds of people " * 9, clean="letters"
    )


def test_entries_are_compared_on_one_corpus(text: Path, tmp_path: Path) -> None:
    corpus = textgen.load_corpus(text, clean="raw")
    steps: list[Step] = []
    result = textgen.bench(
        [TINY, "random"],
        corpus=corpus,
        prompt="The",
        length=20,
        out=tmp_path / "out",
        report=steps.append,
        **QUICK,
    )
    assert [row.name for row in result.entries] == [TINY, "random"]
    assert result.corpus == corpus.info
    assert result.prompts == ("The",)
    assert json.loads((tmp_path / "out" / "bench.json").read_text("utf-8"))["budget"] == "2000chars"
    states = list(dict.fromkeys(step.state for step in steps if step.entry == TINY))
    assert states == [
        "starting",
        "tokenizing",
        "training",
        "validating",
        "scoring",
        "writing samples",
        "done",
    ]
    assert {(step.index, step.total) for step in steps if step.entry == "random"} == {(2, 2)}
    assert steps[-1] == Step("writing the report")


def test_plugins_are_listed_and_a_file_adds_to_them(tmp_path: Path) -> None:
    assert {("model", "lstm"), ("suite", "original")} <= {
        (each.kind, each.name) for each in textgen.plugins()
    }
    assert {plugin.kind for plugin in textgen.plugins("cleaner")} == {"cleaner"}
    (tmp_path / "mine.py").write_text("class Shout:\n    def clean(self, text): return text.upper()\n")
    (added,) = textgen.load_plugin_file(str(tmp_path / "mine.py"))
    assert added in textgen.plugins("cleaner")
    forget_plugin_files()


def test_the_code_of_the_pages_works_and_the_api_has_all_of_it(
    text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page, readme = read_page("docs/api.md"), read_page("README.md")
    assert set(EXPORTED) <= set(re.findall(r"\w+", page))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "novel.txt").write_text(text.read_text("utf-8"), "utf-8")
    small = f"-{TINY.partition('-')[2]}"
    tiny = {"-lstm:num_layers=2": small, '-lstm"': f'{small}"', "60s": "2000chars"}
    for code in re.findall(r"^```python\n(.*?)^```", page + readme, re.S | re.M):
        for usual, quick in tiny.items():
            code = code.replace(usual, quick)  # noqa: PLW2901
        exec(compile(code, "api.md", "exec"), {})
    assert "random: " in capsys.readouterr().out


# --- what they refuse


def test_a_folder_without_a_run_is_not_called_damaged() -> None:
    with pytest.raises(
        textgen.TextgenError, match=r"^no run 'nowhere'; textgen runs lists those under 'runs'$"
    ):
        textgen.load("nowhere")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"clean": "letters"}, "clean has no effect on a loaded corpus; give it to load_corpus"),
        ({"split": "90/10"}, "split has no effect on a loaded corpus; give it to load_corpus"),
        ({"max_chars": 900}, "max_chars has no effect on a loaded corpus; give it to load_corpus"),
        ({"encoding": "latin-1"}, "encoding has no effect on a loaded corpus; give it to load_corpus"),
    ],
)
def test_options_of_the_text_are_refused_for_a_loaded_corpus(
    options: dict[str, Any], message: str, text: Path, tmp_path: Path
) -> None:
    corpus = textgen.load_corpus(text)
    for call in (textgen.train, textgen.bench):
        with pytest.raises(textgen.TextgenError, match=f"^{message}$"):
            call("random", corpus=corpus, out=tmp_path / "out", **options, **QUICK)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: textgen.bench([]), "no entries"),
        (lambda: textgen.bench("lstm"), "'lstm' is only a model; did you mean bpe-lstm or"),
        (lambda: textgen.train("char-lstm", budget="60"), "budget '60': give a positive amount"),
        (lambda: textgen.load_corpus("leee"), "unknown corpus 'leee'; did you mean 'lee'"),
        (lambda: textgen.bench("random", seeds=0), "seeds must be at least 1, not 0"),
        (lambda: textgen.bench("random", length=-3), "length must be at least 1, not -3"),
        (lambda: textgen.bench("random", spelling="no"), "spelling must be words or none, not 'no'"),
        (lambda: textgen.bench("random", sampler=[]), "no sampler; give one, such as temperature"),
        (lambda: textgen.train("random", seed=-1), "seed must be from 0 to 4294967295, not -1"),
        (
            lambda: textgen.load_corpus("lee", encoding="latin-1"),
            "encoding has no effect on lee, not read from a file; leave it out",
        ),
        (lambda: textgen.plugins("modell"), "unknown kind 'modell'; did you mean 'model'"),
    ],
)
def test_what_cannot_be_meant_is_a_one_line_error(
    call: Callable[[], object], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(textgen.TextgenError) as caught:
        call()
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []
