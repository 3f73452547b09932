"""Checks of tokenizers."""

from __future__ import annotations

import inspect
import json
import os
import pickle
import random
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from textgen.data.bound_tokenizer import BoundTokenizer
from textgen.data.decoding import utf8
from textgen.data.text import cut_blocks
from textgen.data.vocabulary import surface_bytes
from textgen.registry.registry import plugin_files
from textgen_kit.checking import (
    CheckError,
    CheckSkipped,
    Subject,
    expect,
    first_difference,
    reworded,
    shown,
    skip_unless,
    text_difference,
)
from textgen_kit.texts import NASTY, OTHER_PROSE, PROSE, any_texts, random_strings

PROBES = ("", OTHER_PROSE, PROSE[:500], "".join(NASTY), *random_strings(10, seed=1))
"""Texts whose ids decide whether two tokenizers are the same."""

BLOCK_CHARS = 700
WHERE = "in another process, where sets of strings have another order"
LOSSY = "declares lossless = False, so it gets no score"


def check_tokenizer_lossless(subject: Subject) -> None:
    """Decoding the ids of any text gives back the text.

    Only then is a score the score of the text; a tokenizer that loses text declares `lossless = False`.
    """
    for train in ("", PROSE):
        tokenizer = subject.fitted(train)
        skip_unless(getattr(tokenizer, "lossless", True), LOSSY)
        for text in any_texts():
            decoded = tokenizer.decode(tokenizer.encode(text))
            expect(isinstance(decoded, str), f"a string from decode; got {shown(decoded)}")
            expect(decoded == text, f"decode(encode(text)) to be the text; {text_difference(text, decoded)}")


def check_tokenizer_ids(subject: Subject) -> None:
    """Encoding gives a one-dimensional array of integers that are indices into `tokens`.

    Models look up rows by them; other integers fail in the middle of a run, or find the wrong row.
    """
    tokenizer = subject.fitted(PROSE)
    for text in any_texts():
        ids = tokenizer.encode(text)
        what = f"encode({shown(text)})"
        expect(isinstance(ids, np.ndarray), f"a numpy array from {what}; got {type(ids).__name__}")
        kind = f"{ids.ndim} dimensions of {ids.dtype}"
        is_row = ids.ndim == 1 and np.issubdtype(ids.dtype, np.integer)
        expect(is_row, f"one dimension of integers from {what}; got {kind}")
        outside = ids[(ids < 0) | (ids >= len(tokenizer.tokens))][:1].tolist()
        expect(not outside, f"ids below {len(tokenizer.tokens)} from {what}; got {outside}")


def check_tokenizer_surfaces(subject: Subject) -> None:
    """The surfaces of the tokens, joined, spell the text; `<0xE2>` means a byte.

    Scores count characters by them, and generated tokens become text by them.
    """
    tokenizer = subject.fitted(PROSE)
    skip_unless(getattr(tokenizer, "lossless", True), LOSSY)
    pieces = [surface_bytes(token) for token in tokenizer.tokens]
    for text in any_texts():
        spelled = b"".join(pieces[token] for token in tokenizer.encode(text))
        expect(spelled == utf8(text), f"tokens that spell the text; {text_difference(utf8(text), spelled)}")


def check_tokenizer_fallback(subject: Subject) -> None:
    """`fallback`, if present, tells for each token whether it spells out-of-vocabulary words.

    Scores report out-of-vocabulary words by it.
    """
    tokenizer = subject.fitted(PROSE)
    skip_unless(hasattr(tokenizer, "fallback"), "lacks fallback, so its byte tokens count as the fallback")
    mask, size = np.asarray(tokenizer.fallback), len(tokenizer.tokens)
    is_mask = mask.shape == (size,) and mask.dtype == bool
    expect(is_mask, f"a bool per token, [{size}], in fallback; got {list(mask.shape)} of {mask.dtype}")


def check_tokenizer_state(subject: Subject) -> None:
    """`state`, written as JSON and read again, restores the same tokenizer.

    Otherwise a saved run gets other ids than it was trained on.
    """
    for train in ("", PROSE, OTHER_PROSE, "\ud83d\ude00\udfff " * 3):
        tokenizer = subject.fitted(train)
        restored = subject.new()
        restored.restore(json.loads(saved_state(tokenizer)))
        require_same_tokenizer(tokenizer, restored, "a tokenizer and the one restored from its state")


def check_tokenizer_deterministic(subject: Subject) -> None:
    """The same text gives the same vocabulary and the same ids each time.

    Otherwise a result cannot be reproduced.
    """
    first, second = subject.fitted(PROSE), subject.fitted(PROSE)
    require_same_tokenizer(first, second, "two tokenizers fitted to the same text")
    require_same_tokenizer(first, first, "two encodings by one tokenizer")


def check_tokenizer_vocabulary_from_training(subject: Subject) -> None:
    """Encoding and decoding another text changes neither the vocabulary nor later ids.

    Otherwise words of the held-out text enter the vocabulary, and models trained before do not match it.
    """
    tokenizer, fresh = subject.fitted(PROSE), subject.fitted(PROSE)
    tokens, state = list(tokenizer.tokens), saved_state(tokenizer)
    for text in any_texts():
        tokenizer.decode(tokenizer.encode(text))
    require_equal(tokens, list(tokenizer.tokens), "the same tokens after encoding other texts")
    expect(saved_state(tokenizer) == state, "state() to ignore texts that are encoded; it changed")
    require_same_tokenizer(tokenizer, fresh, "a tokenizer that has encoded other texts and one that has not")


def check_tokenizer_fit_forgets(subject: Subject) -> None:
    """Fitting again forgets the first text.

    Otherwise the vocabulary depends on earlier uses of the tokenizer.
    """
    tokenizer = subject.fitted(OTHER_PROSE)
    tokenizer.fit(PROSE)
    require_same_tokenizer(tokenizer, subject.fitted(PROSE), "a tokenizer fitted again and a new one")


def check_tokenizer_empty_text(subject: Subject) -> None:
    """An empty text can be fitted and encoded to no ids, and no ids are decoded to an empty text.

    Prompts are empty by default.
    """
    for train in ("", PROSE):
        tokenizer = subject.fitted(train)
        ids, text = tokenizer.encode(""), tokenizer.decode([])
        expect(len(ids) == 0, f"no ids for the empty text; got {shown(list(ids))}")
        expect(text == "", f"the empty text for no ids; got {shown(text)}")


def check_tokenizer_decodes_any_ids(subject: Subject) -> None:
    """Any ids in any order decode to a string, whether in a list or an array.

    Models write ids that no text encodes to, such as halves of characters; those become U+FFFD.
    """
    tokenizer = subject.fitted(PROSE)
    generator, places = random.Random(0), range(len(tokenizer.tokens))
    orders = [[token] for token in places] + [generator.choices(places, k=30) for _ in range(100)]
    for ids in orders:
        try:
            texts = tokenizer.decode(ids), tokenizer.decode(np.array(ids, np.int64))
        except Exception as error:
            surfaces = [tokenizer.tokens[token] for token in ids]
            error.add_note(f"while decoding {shown(surfaces)}")
            raise
        for text in texts:
            expect(isinstance(text, str), f"a string from decode({shown(ids)}); got {shown(text)}")
        expect(texts[0] == texts[1], f"the same text from a list and an array; got {shown(texts)}")


def check_tokenizer_counts(subject: Subject) -> None:
    """`count` of every block and `fit_counts` give the vocabulary that `fit` gives.

    Texts larger than memory are fitted block by block, and should not get another vocabulary.
    """
    parts = subject.new()
    can_count = hasattr(parts, "count") or hasattr(parts, "fit_counts")
    skip_unless(can_count, "lacks count and fit_counts")
    whole = subject.fitted(PROSE)
    parts.fit_counts([parts.count(block) for block in cut_blocks([PROSE], BLOCK_CHARS)])
    require_same_tokenizer(parts, whole, "a tokenizer fitted block by block and one by fit")


def check_tokenizer_extend(subject: Subject) -> None:
    """`extend` adds tokens after the others, which keep their ids, and its state restores the result.

    Otherwise a model that starts from the weights of a run takes one word for another.
    """
    skip_unless(hasattr(subject.new(), "extend"), "lacks extend, so its vocabulary stays that of the run")
    tokenizer = subject.new()
    tokenizer.restore(json.loads(saved_state(subject.fitted(PROSE))))
    for text in (PROSE, OTHER_PROSE, "".join(NASTY)):
        before = list(tokenizer.tokens)
        tokenizer.extend(text)
        require_equal(before, list(tokenizer.tokens)[: len(before)], "the same first tokens after extend")
        decoded = tokenizer.decode(tokenizer.encode(text))
        expect(decoded == text, f"the text again after extend; {text_difference(text, decoded)}")
    restored = subject.new()
    restored.restore(json.loads(saved_state(tokenizer)))
    require_same_tokenizer(tokenizer, restored, "an extended tokenizer and the one restored from its state")


def check_tokenizer_pickle(subject: Subject) -> None:
    """A tokenizer that can be pickled is the same afterwards.

    It is sent to other processes to encode a large text on all cores.
    """
    tokenizer = subject.fitted(PROSE)
    with reworded("cannot be pickled, so large texts are encoded on one core:", Exception, CheckSkipped):
        pickled = pickle.dumps(tokenizer)
    require_same_tokenizer(tokenizer, pickle.loads(pickled), "a tokenizer and the one that was pickled")


def check_tokenizer_other_process(subject: Subject) -> None:
    """Another process learns the same vocabulary and encodes the same ids.

    The order of a set of strings varies from process to process; a model saved by one would read other
    tokens in the next.
    """
    tokenizer = subject.fitted(PROSE)
    tokens, state = list(tokenizer.tokens), saved_state(tokenizer)
    learnt = learnt_elsewhere(subject)
    require_equal(tokens, learnt["tokens"], f"the same tokens {WHERE}")
    expect(state == learnt["state"], f"the same state() {WHERE}; they differ")
    for probe, ids in zip(PROBES, learnt["ids"], strict=True):
        ids_here = [int(token) for token in tokenizer.encode(probe)]
        require_equal(ids_here, ids, f"the same ids of {shown(probe, 30)} {WHERE}")


def saved_state(tokenizer: Any) -> str:
    """Return the state as saved in a run; raises `CheckError` if it is not JSON."""
    with reworded("expected JSON values from state(); got:", TypeError):
        return json.dumps(tokenizer.state())


def require_same_tokenizer(first: Any, second: Any, which: str) -> None:
    """Raise `CheckError` unless two tokenizers have the same tokens, state, ids, texts and fallback."""
    require_equal(list(first.tokens), list(second.tokens), f"the same tokens of {which}")
    one, other = (BoundTokenizer(each).is_fallback.tolist() for each in (first, second))
    require_equal(one, other, f"the same fallback of {which}")
    for text in PROBES:
        ids, other_ids = np.asarray(first.encode(text)), np.asarray(second.encode(text))
        require_equal(ids.tolist(), other_ids.tolist(), f"the same ids of {shown(text, 30)} from {which}")
        require_equal(first.decode(ids), second.decode(ids), f"the same text for these ids from {which}")
    expect(saved_state(first) == saved_state(second), f"the same state() of {which}; they differ")


def require_equal(first: Sequence[Any], second: Sequence[Any], what: str) -> None:
    """Raise `CheckError` with the first difference unless two sequences are equal."""
    if first != second:
        place = first_difference(first, second)
        one, other = shown(first[place : place + 3]), shown(second[place : place + 3])
        expect(False, f"{what}; got {one} and {other} at {place}")


def learnt_elsewhere(subject: Subject) -> dict[str, Any]:
    """Return what `fit_elsewhere` prints in a process with another order of sets.

    Raises `CheckSkipped` if the component cannot be loaded there, `CheckError` if it fails there.
    """
    module = subject.component.__module__
    is_found = module != "__main__"
    skip_unless(is_found, "is defined in the program that runs, which another process cannot import")
    source = getattr(sys.modules.get(module), "__file__", None)
    plugin_file = next((path for path in plugin_files() if str(path) == source), None)
    with reworded("cannot be sent to another process:", Exception, CheckSkipped):
        component = pickle.dumps((subject.component, subject.options))
    hash_seed = "2" if os.environ.get("PYTHONHASHSEED") == "1" else "1"
    done = subprocess.run(
        [sys.executable, "-P", "-c", f"{inspect.getsource(fit_elsewhere)}\n{fit_elsewhere.__name__}()"],
        input=pickle.dumps((sys.path, plugin_file, component, PROSE, PROBES)),
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        check=False,
    )
    if done.returncode or not done.stdout:
        last = done.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2]
        raise CheckError(f"expected a tokenizer that can be fitted {WHERE}; it failed: {last}")
    learnt: dict[str, Any] = json.loads(done.stdout)
    reason = learnt.get("unloadable")
    skip_unless(reason is None, f"cannot be loaded in another process: {reason}")
    return learnt


def fit_elsewhere() -> None:
    """Fit a tokenizer, and print its tokens, state and ids of texts, or why it cannot be loaded, as JSON.

    The other process runs the source of this function, since importing this module takes seconds.
    """
    import json
    import pickle
    import sys

    path, plugin_file, sent, text, probes = pickle.load(sys.stdin.buffer)
    sys.path[:] = path
    stdout, sys.stdout = sys.stdout, sys.stderr  # for components that print
    try:
        if plugin_file is not None:
            from textgen.registry.single_file import load_plugin_file

            load_plugin_file(plugin_file)
        component, options = pickle.loads(sent)
    except Exception as error:
        json.dump({"unloadable": f"{type(error).__name__}: {error}"}, stdout)
        return
    tokenizer = component(**options)
    tokenizer.fit(text)
    ids = [[int(token) for token in tokenizer.encode(probe)] for probe in probes]
    json.dump({"tokens": list(tokenizer.tokens), "state": json.dumps(tokenizer.state()), "ids": ids}, stdout)
