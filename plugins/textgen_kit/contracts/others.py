"""Checks of embeddings, and what must hold for the other kinds: one row of a table for each promise."""

from __future__ import annotations

import io
import random
import re
import zipfile
from collections import Counter
from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass
from functools import partial
from inspect import getdoc, signature
from typing import Any

import numpy as np
import typer
import typer.main

from textgen.cli.command_plugins import with_plugin_files
from textgen.contracts import TextgenError, WordVectors
from textgen.data.cleaning import join_cleaned
from textgen.data.decoding import utf8
from textgen.data.text import cut_blocks
from textgen.data.text_file import SourceFile
from textgen.evaluation.plugin_metrics import described, measured
from textgen.experiment.encoding import match_vectors
from textgen.experiment.entry_parser import parse_entry
from textgen.registry.plugin_kinds import REQUIRED
from textgen_kit.subject import CheckError, CheckSkipped, Subject, available, difference, expect, shown
from textgen_kit.texts import OTHER_PROSE, PROSE, any_texts, stretched

NO_DATA = re.compile(r"download|network|internet|connect|offline|not installed", re.I)
UNKNOWN_ITEM = "no/such item"
BLOCK_CHARS = 700
TEXTS = (PROSE, OTHER_PROSE, *any_texts())
SPACED = (PROSE, OTHER_PROSE, stretched(PROSE, " "), stretched(PROSE, "\n"))
PAGE = f"<html><body><p>{PROSE}</p></body></html>"

PIECES = re.findall(r" ?\w+|\n+| ?[^\w\s]+|\s", PROSE)
"""The text in tokens like those of a word tokenizer, with their leading space."""
TOKENS = [token for token, _ in Counter(PIECES).most_common()]


def _files() -> dict[str, bytes]:
    """Return files by what they are: text, markup, a table, an archive, noise; whole and cut off."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("a.txt", PROSE)
    whole = {
        "prose": utf8(PROSE),
        "a page": utf8(PAGE),
        "a table": utf8("id,text\n" + "".join(f'{i},"{i} texts"\n' for i in range(20))),
        "an archive": packed.getvalue(),
        "noise": random.Random(0).randbytes(3000),
    }
    cut = {f"{what} that is cut off": data[: len(data) * 2 // 3] for what, data in whole.items()}
    return {"an empty file": b"", **whole, **cut}


FILES = _files()


def vectors_of(embedding: Any) -> WordVectors:
    """Return the vectors for the kit's text; raises `CheckError` unless each word has a finite one.

    Raises `CheckSkipped` if their data is not available.
    """
    with available():
        vectors: Any = embedding.vectors(PROSE, TOKENS)
    expect(isinstance(vectors, WordVectors), f"WordVectors; got {type(vectors).__name__}")
    table, num_words = np.asarray(vectors.table), len(vectors.words)
    is_table = table.ndim == 2 and len(table) == num_words and np.issubdtype(table.dtype, np.floating)
    kind = f"{list(table.shape)} of {table.dtype}"
    expect(is_table, f"a vector of floats for each word; got {kind} for {num_words} words")
    num_distinct = len(set(vectors.words))
    expect(num_distinct == num_words, f"each word once; got {num_words}, {num_distinct} of them distinct")
    is_wrong = ~np.isfinite(table).all(axis=1)
    wrong = [vectors.words[index] for index in np.flatnonzero(is_wrong)[:3]]
    expect(not wrong, f"finite vectors; {is_wrong.sum()} are not, such as those of {shown(wrong)}")
    return WordVectors(vectors.words, table)


def check_vectors(subject: Subject) -> None:
    """`vectors` returns `WordVectors`, a finite row for each word, and `frozen` is a bool."""
    embedding = subject.new()
    frozen = getattr(embedding, "frozen", None)
    expect(isinstance(frozen, bool), f"True or False in frozen; got {shown(frozen)}")
    vectors_of(embedding)


def check_covers(subject: Subject) -> None:
    """Some words of an English text have a vector."""
    embedding = subject.new()
    vectors_of(embedding)
    ids = np.array([TOKENS.index(piece) for piece in PIECES], np.int32)
    match_vectors(embedding, "this embedding", PROSE, TOKENS, ids)


EMBEDDING_CHECKS = (check_vectors, check_covers)


def is_text(text: Any) -> bool:
    """Return whether a corpus gives a text that can be split, cleaned and hashed."""
    return isinstance(text, str) and bool(text.strip()) and not re.search("[\ud800-\udfff]", text)


def read(corpus: Any, _: object) -> Any:
    """Return the text of a corpus, or of its first item; skipped if it cannot be downloaded."""
    found = read_any(corpus)
    is_joined = isinstance(found, str) or not isinstance(found, Iterable)
    return found if is_joined else error_of("\n\n".join, found)


def read_any(corpus: Any) -> Any:
    """Return the text or the documents of a corpus."""
    try:
        try:
            return corpus.read("")
        except TextgenError as error:
            items = corpus.items() if hasattr(corpus, "items") else []
            if NO_DATA.search(str(error)) or not items:
                raise
            return corpus.read(items[0])
    except TextgenError as error:
        kind = CheckSkipped if NO_DATA.search(str(error)) else CheckError
        raise kind(f"expected a text; got the error: {error}") from error


def error_of(action: Callable[..., Any], *arguments: Any) -> Any:
    """Return the error that an action raises, or what it returns."""
    try:
        return action(*arguments)
    except Exception as error:
        return error


def bind(function: Any, given: Any) -> Any:
    """Bind arguments to the parameters of a function; return the result, or the error."""
    return error_of(signature(function).bind, *given)


def is_bound(answer: Any, _: object) -> bool:
    """Return whether a function takes the arguments."""
    return not isinstance(answer, Exception)


def in_blocks(cleaner: Any, text: str) -> tuple[str, str]:
    """Return a text as it is cleaned as a whole, and in blocks of paragraphs joined by `joint`."""
    blocks = ((cleaner.clean(block), False) for block in cut_blocks([text], BLOCK_CHARS))
    return cleaner.clean(text), "".join(part for part, _ in join_cleaned(cleaner, blocks))


def documents(reader: Any, what: str) -> Any:
    """Return the documents in one of the `FILES`, or the message of a `TextgenError`."""
    data, name = FILES[what], f"file{next(iter(getattr(reader, 'suffixes', ())), '')}"
    file = SourceFile(name, name, partial(io.BytesIO, data))
    try:
        found = reader.documents(file, "text")
        is_right = isinstance(found, Iterable) and not isinstance(found, str)
        return [list(document) for document in found] if is_right else type(found).__name__ + "\n"
    except TextgenError as error:
        return str(error)


def is_read(answer: Any) -> bool:
    """Return whether a reader answers with pieces of documents, or with a message of one line."""
    if isinstance(answer, str):
        return "\n" not in answer
    return all(isinstance(piece, str) for document in answer for piece in document)


def measure(metric: Any, text: str) -> tuple[str, float | None]:
    """Return the unit of a metric and its value of a text; raises `PluginError` for invalid ones."""
    return described(metric, "example").unit, measured(metric, text)


def is_measured(answer: tuple[str, float | None], text: str) -> bool:
    """Return whether prose has a value, and shares are from 0 to 1."""
    unit, value = answer
    return text not in TEXTS[:1] if value is None else unit != "%" or 0 <= value <= 1


def words(lexicon: Any, _: object) -> Any:
    """Return the words of a lexicon, of German if it takes a language."""
    with available():
        return lexicon("de") if signature(lexicon).parameters else lexicon()


def are_words(answer: Any, _: object) -> bool:
    """Return whether words are in lower case, in a set or another container."""
    listed = answer if isinstance(answer, set | frozenset) else ()
    return isinstance(answer, Container) and all(word == str(word).lower() for word in listed)


def faulty_arguments(function: Any, _: object) -> list[str]:
    """Return the arguments of a command that are not annotated or lack a help, and what else is missing."""
    parameters = signature(function).parameters.items()
    if bare := [name for name, each in parameters if each.annotation is each.empty]:
        return bare
    app = typer.Typer(add_completion=False)
    try:
        app.command()(with_plugin_files(function))
        options: list[Any] = typer.main.get_command(app).params
    except Exception as error:
        raise CheckError(f"expected annotations that Typer knows; got: {error}") from error
    values = ["--json with a value" for each in options if "--json" in each.opts and not each.is_flag]
    undocumented = [each.opts[0] for each in options if not getattr(each, "help", "")]
    return [*values, *undocumented, *([] if getdoc(function) else ["no docstring"])]


@dataclass(frozen=True)
class Promise:
    """A row of the table: the answers of a component of a kind to all examples are right."""

    kind: str
    name: str
    examples: Iterable[Any]
    answer: Callable[[Any, Any], Any]
    is_right: Callable[[Any, Any], bool]
    expected: str
    """What is expected, for the message."""

    def __call__(self, subject: Subject) -> None:
        component = subject.component
        if subject.kind in REQUIRED:
            component = subject.new()
        for example in self.examples:
            try:
                answer = self.answer(component, example)
            except Exception as error:
                if example is not None:
                    error.add_note(f"for {shown(example)}")
                raise
            is_pair = isinstance(answer, tuple) and isinstance(answer[0], str) and isinstance(answer[1], str)
            got = difference(*answer) if is_pair and answer[0] != answer[1] else f"got {shown(answer)}"
            of = "" if example is None else f" for {shown(example)}"
            expect(self.is_right(answer, example), f"{self.expected}; {got}{of}")


def is_same(answer: tuple[str, str], _: object) -> bool:
    """Return whether an answer is two equal texts."""
    return answer[0] == answer[1]


ONCE = (None,)
PROMISES = (
    Promise(
        "cleaner", "text", TEXTS, lambda cleaner, text: cleaner.clean(text),
        lambda answer, text: isinstance(answer, str) and bool(answer) <= bool(text),
        "a string, empty if the text is empty",
    ),
    Promise(
        "cleaner", "idempotent", SPACED,
        lambda cleaner, text: (cleaner.clean(text), cleaner.clean(cleaner.clean(text))),
        is_same, "cleaning twice to change nothing",
    ),
    Promise(
        "cleaner", "blocks", [f"{PROSE}\n{OTHER_PROSE}"], in_blocks, is_same, "the same by blocks, see joint",
    ),
    Promise(
        "corpus", "text", [""], read, lambda answer, _: is_text(answer), "a text without lone surrogates",
    ),
    Promise(
        "corpus", "unknown-item", [UNKNOWN_ITEM],
        lambda corpus, item: error_of(corpus.read, item),
        lambda answer, _: isinstance(answer, TextgenError) and len(str(answer).splitlines()) == 1,
        "a one-line TextgenError",
    ),
    Promise(
        "reader", "documents", FILES, documents, lambda answer, _: is_read(answer),
        "documents, which are iterables of strings, or a one-line TextgenError",
    ),
    Promise(
        "metric", "numbers", TEXTS, measure, is_measured, 'a number for prose, 0 to 1 if the unit is "%"',
    ),
    Promise(
        "lexicon", "words", ONCE, words, are_words, "a set of words in lower case",
    ),
    *(
        Promise(
            kind, "entry", ONCE, lambda entry, _: parse_entry(entry), lambda *_: True, "the name of an entry"
        )
        for kind in ("alias", "reference")
    ),
    Promise("yardstick", "arguments", [("",)], bind, is_bound, "a function of a path"),
    Promise(
        "backend", "arguments", [("", 1.0, 0.0)], bind, is_bound,
        "a function of address, cpus_per_job, gpus_per_job",
    ),
    Promise(
        "command", "arguments", ONCE, faulty_arguments, lambda answer, _: not answer,
        "a docstring, arguments such as Annotated[int, typer.Option(help=…)], and a flag --json",
    ),
)  # fmt: skip
"""What the kinds promise beside the methods of their contract."""
