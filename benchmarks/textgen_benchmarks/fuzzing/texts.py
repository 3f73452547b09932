"""Texts: any that can be written, as tokenizers, files and the cache have them."""

from __future__ import annotations

import json
import os
import random
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import numpy as np

from textgen.contracts import TextgenError
from textgen.data import cleaning
from textgen.data.bound_tokenizer import BoundTokenizer, fit_and_encode
from textgen.data.cleaning import clean_files
from textgen.data.corpus import load_corpus
from textgen.data.sources import Files
from textgen.data.text import blocks
from textgen.registry.options import build
from textgen.registry.registry import names
from textgen.runtime.storage.cache import VARIABLE, remembered
from textgen_benchmarks.fuzzing.kind import Case, Kind
from textgen_benchmarks.fuzzing.mutations import damage_folder, damaged, hostile_json
from textgen_kit.texts import NASTY, OTHER_PROSE, PROSE, random_strings

ENCODINGS = ("utf-8", "latin-1", "utf-16", "cp1252", "ascii", "utf-7", "utf-32", "rot13", "hex", "idna", "x")


def any_text(chance: random.Random) -> str:
    """Return a text of prose, odd strings and random characters."""
    pieces = []
    for _ in range(chance.choice((0, 1, 2, 5, 20))):
        begin = chance.randrange(len(PROSE))
        prose = PROSE[begin : begin + chance.choice((5, 50, 500))]
        odd = random_strings(1, chance.randrange(2**32))[0]
        nasty = chance.choice(NASTY)
        pieces.append(chance.choice((prose, OTHER_PROSE[:90], odd, nasty, nasty * 20)))
    return "".join(pieces)


def tokenizer(case: Case) -> str | None:
    """Fit, encode, decode, save and restore: the text comes back."""
    name = case.chance.choice(names("tokenizer"))
    small = ":vocab_size=300" if name == "bpe" else ""
    first = BoundTokenizer(build("tokenizer", name + small))
    first.fit(any_text(case.chance))
    second = BoundTokenizer(build("tokenizer", name + small))
    second.restore(json.loads(json.dumps(first.state())))
    text = any_text(case.chance)
    ids = first.encode(text)
    if first.decode(ids) != text:
        return f"unnoticed: {name} does not give back {text[:50]!r}"
    if second.encode(text).tolist() != ids.tolist() or second.decode(ids) != text:
        return f"unnoticed: {name} is another one after a restart"
    return None


def any_bytes(chance: random.Random) -> bytes:
    """Return the bytes of a file that may be a text."""
    encoding = chance.choice(("utf-8", "utf-16", "latin-1", "utf-32"))
    text = any_text(chance) if chance.random() < 0.7 else PROSE
    data = text.encode(encoding, "ignore")
    return damaged(data, chance) if chance.random() < 0.5 else data


def text_file(case: Case) -> str | None:
    """Read a file that may be a text in some encoding, clean and split it."""
    path = case.place / case.chance.choice(("text.txt", "té xt", "-", "a\nb.txt"))
    path.write_bytes(any_bytes(case.chance))
    cleaner = case.chance.choice(("prose", "raw", "letters"))
    max_chars, encoding = case.chance.choice((None, 10, 1000)), case.chance.choice(ENCODINGS)
    text = load_corpus([str(path)], cleaner, max_chars=max_chars, encoding=encoding).text
    return None if len(text) == len("".join(blocks(text))) else "unnoticed: its length is wrong"


# --- the cache


@contextmanager
def cache_in(folder: Path) -> Iterator[None]:
    """Use a cache of its own, also for short texts."""
    with patch.dict(os.environ, {VARIABLE: str(folder)}), patch.object(cleaning, "MAX_IN_MEMORY", 0):
        yield


def make_cache(folder: Path) -> None:
    """Fill a cache with a text, its ids and an answer."""
    (folder / "text.txt").write_text(PROSE, "utf-8")
    with cache_in(folder / "cache"):
        read_all(folder)


def read_all(folder: Path) -> tuple[str, list[int], bytes, str]:
    """Return the text, its ids and an answer, all from the cache if they are there."""
    text = clean_files([Files("text.txt", [folder / "text.txt"])], "raw", "utf-8").text
    word = BoundTokenizer(build("tokenizer", "word"))
    encoded = fit_and_encode(word, ["fuzz"], text)
    answer = remembered("answers", lambda: "42", "question")
    tokens = json.dumps(list(word.tokens)).encode()
    return text[:], np.asarray(encoded.ids).tolist(), tokens, answer


def cached_files(case: Case) -> str | None:
    """Use a cache after an accident: everything is as it was, and so it is the next time."""
    copy = Path(shutil.copytree(case.prepared, case.place / "copy"))
    cache = copy / "cache"
    if case.chance.random() < 0.3:
        path = case.chance.choice(sorted(cache.rglob("*.json")))
        digest, _, values = path.read_text("utf-8").partition("\n")
        text = f"{digest}\n{hostile_json(json.loads(values), case.chance)}"
        path.write_bytes(text.encode("utf-8", "surrogatepass"))
    else:
        damage_folder(cache, case.chance)
    with cache_in(case.prepared / "cache"):
        expected = read_all(case.prepared)
    with cache_in(cache):
        try:
            content = read_all(copy)
        except TextgenError:
            content = read_all(copy)  # what was named must be gone
        if content != expected:
            return "unnoticed: a damaged cache changes what is read"
        again = read_all(copy)
    return None if again == content else "changed: the cache gives something else the next time"


KINDS = (
    Kind("tokenizers", tokenizer, 3000),
    Kind("texts", text_file, 1500),
    Kind("caches", cached_files, 1500, make_cache),
)
