"""Checks of tokenizers."""

from __future__ import annotations

import json
import os
import pickle
import random
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from textgen.data.decoding import utf8
from textgen.data.text import cut_blocks
from textgen.data.vocabulary import surface_bytes
from textgen.registry.registry import plugin_files
from textgen_kit.subject import (
    CheckError,
    CheckSkipped,
    Subject,
    available,
    expect,
    expect_same,
    shown,
    skip_unless,
)
from textgen_kit.texts import NASTY, OTHER_PROSE, PROSE, any_texts, random_strings

PROBES = ("", OTHER_PROSE, PROSE[:500], "".join(NASTY), *random_strings(10, seed=1))
"""Texts whose ids decide whether two tokenizers are the same."""
BLOCK_CHARS = 700
ELSEWHERE = "in another process, where sets of strings have another order"
PROGRAM = """
import json, pickle, sys
sys.path[:], file, component, text, probes = pickle.load(sys.stdin.buffer)
stdout, sys.stdout = sys.stdout, sys.stderr
if file:
    from textgen.registry.single_file import load_plugin_file
    load_plugin_file(file)
cls, options = pickle.loads(component)
tokenizer = cls(**options)
tokenizer.fit(text)
json.dump([list(tokenizer.tokens), *(tokenizer.encode(probe).tolist() for probe in probes)], stdout)
"""
"""What the other process does; it imports little, since importing torch takes seconds."""


def fit(tokenizer: Any, text: str) -> Any:
    """Fit a tokenizer to a text and return it; raises `CheckSkipped` if it needs a file that is missing."""
    with available():
        tokenizer.fit(text)
    return tokenizer


def require_tokens(tokenizer: Any) -> None:
    """Raise `CheckError` unless `tokens` are strings, with a bool for each in `fallback`, if there is one."""
    tokens: Any = getattr(tokenizer, "tokens", None)
    is_row = isinstance(tokens, Sequence) and all(isinstance(token, str) for token in tokens)
    expect(is_row and not isinstance(tokens, str), f"a list of strings in tokens; got {shown(tokens)}")
    mask = np.asarray(getattr(tokenizer, "fallback", np.zeros(len(tokens), bool)))
    is_mask, kind = mask.shape == (len(tokens),) and mask.dtype == bool, f"{list(mask.shape)} of {mask.dtype}"
    expect(is_mask, f"a bool per token, [{len(tokens)}], in fallback; got {kind}")


def encoded(tokenizer: Any, text: str) -> Any:
    """Return the ids of a text; raises `CheckError` unless they are a row of indices into `tokens`."""
    ids = tokenizer.encode(text)
    what = f"encode({shown(text)})"
    expect(isinstance(ids, np.ndarray), f"a numpy array from {what}; got {type(ids).__name__}")
    is_row = ids.ndim == 1 and np.issubdtype(ids.dtype, np.integer)
    expect(is_row, f"one dimension of integers from {what}; got {ids.ndim} dimensions of {ids.dtype}")
    outside = ids[(ids < 0) | (ids >= len(tokenizer.tokens))][:1].tolist()
    expect(not outside, f"ids below {len(tokenizer.tokens)} from {what}; got {outside}")
    return ids


def known(tokenizer: Any, text: str | None = None) -> dict[str, Any]:
    """Return all that tells tokenizers apart, perhaps after `text` is fitted, once the ids are right."""
    if text is not None:
        fit(tokenizer, text)
    require_tokens(tokenizer)
    ids = [encoded(tokenizer, probe).tolist() for probe in PROBES]
    return {
        "tokens": list(tokenizer.tokens),
        "fallback": list(map(bool, getattr(tokenizer, "fallback", ()))),
        "state": json.dumps(tokenizer.state()),
        **{f"ids of {probe[:20]!a}": each for probe, each in zip(PROBES, ids, strict=True)},
        "decoded texts": [tokenizer.decode(each) for each in ids],
    }


def as_saved(tokenizer: Any) -> Any:
    """Return a tokenizer's state as it is after it was saved; raises `CheckError` unless that is JSON."""
    try:
        return json.loads(json.dumps(tokenizer.state()))
    except (TypeError, ValueError) as error:
        raise CheckError(f"expected values that JSON can hold from state(); {error}") from error


def check_ids(subject: Subject) -> None:
    """`tokens` are strings, with a bool each in `fallback`; encoding gives an array of indices into them."""
    for train in ("", PROSE):
        tokenizer = fit(subject.new(), train)
        require_tokens(tokenizer)
        for text in any_texts():
            ids = encoded(tokenizer, text)
            expect(bool(text) or not len(ids), f"no ids for the empty text; got {shown(ids.tolist())}")


def check_lossless(subject: Subject) -> None:
    """Any text is what its ids decode to, and what their tokens spell, where `<0xE2>` is a byte."""
    for train in ("", PROSE):
        tokenizer = fit(subject.new(), train)
        skip_unless(getattr(tokenizer, "lossless", True), "declares lossless = False, so it gets no score")
        pieces = [surface_bytes(token) for token in tokenizer.tokens]
        for text in any_texts():
            ids = tokenizer.encode(text)
            expect_same(text, tokenizer.decode(ids), "decode(encode(text)) to be the text")
            expect_same(utf8(text), b"".join(pieces[token] for token in ids), "tokens that spell the text")


def check_decodes_any_ids(subject: Subject) -> None:
    """Any ids in any order decode to a string, the same from a list and an array."""
    tokenizer = fit(subject.new(), PROSE)
    generator, places = random.Random(0), range(len(tokenizer.tokens))
    orders = [[], *([token] for token in places), *(generator.choices(places, k=30) for _ in range(100))]
    for ids in orders:
        surfaces = shown([tokenizer.tokens[token] for token in ids])
        try:
            text, other = tokenizer.decode(ids), tokenizer.decode(np.array(ids, np.int64))
        except Exception as error:
            error.add_note(f"while decoding {surfaces}")
            raise
        is_text = isinstance(text, str) and (bool(ids) or not text)
        expect(is_text, f"a string from decode, empty without ids; got {shown(text)} from {surfaces}")
        expect_same(text, other, f"the same text for {surfaces} from a list and an array")


def check_state(subject: Subject) -> None:
    """`state`, written as JSON and read again, restores the same tokenizer, and so does a pickle."""
    for train in ("", PROSE, OTHER_PROSE, "\ud83d\ude00\udfff " * 3):
        tokenizer, restored = fit(subject.new(), train), subject.new()
        restored.restore(as_saved(tokenizer))
        expect_same(known(tokenizer), known(restored), "the same tokenizer from its state()")
        try:
            pickled = pickle.loads(pickle.dumps(tokenizer))
        except Exception:  # it encodes on one core
            continue
        expect_same(known(tokenizer), known(pickled), "the same tokenizer from a pickle")


def check_vocabulary_from_training(subject: Subject) -> None:
    """Encoding and decoding another text changes neither the vocabulary nor later ids."""
    tokenizer = fit(subject.new(), PROSE)
    for text in any_texts():
        tokenizer.decode(tokenizer.encode(text))
    expect_same(known(subject.new(), PROSE), known(tokenizer), "no change after other texts were encoded")


def check_counts(subject: Subject) -> None:
    """`count` of every block and `fit_counts` give the vocabulary that `fit` gives."""
    parts = subject.new()
    can_count = hasattr(parts, "count") or hasattr(parts, "fit_counts")
    skip_unless(can_count, "has no count and fit_counts")
    whole = known(subject.new(), PROSE)
    parts.fit_counts([parts.count(block) for block in cut_blocks([PROSE], BLOCK_CHARS)])
    expect_same(whole, known(parts), "the same tokenizer from a text fitted in blocks")


def check_extend(subject: Subject) -> None:
    """`extend` adds tokens after the others, which keep their ids, and its state restores the result."""
    tokenizer, restored = subject.new(), subject.new()
    skip_unless(hasattr(tokenizer, "extend"), "has no extend, so its vocabulary stays that of the run")
    tokenizer.restore(as_saved(fit(subject.new(), PROSE)))
    for text in (PROSE, OTHER_PROSE, "".join(NASTY)):
        before = list(tokenizer.tokens)
        tokenizer.extend(text)
        expect_same(before, list(tokenizer.tokens)[: len(before)], "the same first tokens after extend")
        decoded = tokenizer.decode(encoded(tokenizer, text))
        expect_same(text, decoded, "decode(encode(text)) to return the text after extend")
    restored.restore(as_saved(tokenizer))
    expect_same(known(tokenizer), known(restored), "the same extended tokenizer from its state()")


def check_other_process(subject: Subject) -> None:
    """Another process, where sets of strings have another order, learns and encodes the same."""
    module = subject.component.__module__
    source = getattr(sys.modules.get(module), "__file__", None)
    plugin_file = next((path for path in plugin_files() if str(path) == source), None)
    tokenizer = fit(subject.new(), PROSE)
    try:
        component = pickle.dumps((subject.component, subject.options))
    except Exception as error:
        raise CheckSkipped(f"cannot be sent to another process: {error}") from error
    skip_unless(module != "__main__", "is defined in the running program, so no other can import it")
    done = subprocess.run(
        [sys.executable, "-P", "-c", PROGRAM],
        input=pickle.dumps((sys.path, plugin_file, component, PROSE, PROBES)),
        env={**os.environ, "PYTHONHASHSEED": "2" if os.environ.get("PYTHONHASHSEED") == "1" else "1"},
        capture_output=True,
        check=False,
    )
    if done.returncode:
        last = done.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2]
        raise CheckError(f"expected a tokenizer that can be fitted {ELSEWHERE}; it failed: {last}")
    tokens, *ids = json.loads(done.stdout)
    expect_same(list(tokenizer.tokens), tokens, f"the same tokens {ELSEWHERE}")
    for probe, each in zip(PROBES, ids, strict=True):
        expect_same(tokenizer.encode(probe).tolist(), each, f"the same ids of {shown(probe, 30)} {ELSEWHERE}")


CHECKS = (
    check_ids,
    check_lossless,
    check_decodes_any_ids,
    check_state,
    check_other_process,
    check_vocabulary_from_training,
    check_counts,
    check_extend,
)
