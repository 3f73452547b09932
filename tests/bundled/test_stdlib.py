"""Code as a text: the standard library of this Python."""

from __future__ import annotations

import json
from inspect import getsource

import pytest

from textgen.contracts import TextgenError
from textgen.data.corpus import load_corpus
from textgen_corpora.installed import StandardLibrary


def test_it_contains_the_modules_unchanged_in_the_order_of_their_names() -> None:
    text = StandardLibrary().read("")
    assert getsource(json) not in text  # a package
    import bisect
    import textwrap

    assert getsource(bisect) in text
    assert 0 < text.index("# bisect.py\n") < text.index("# textwrap.py\n") < text.index(getsource(textwrap))


def test_it_is_split_like_any_text() -> None:
    corpus = load_corpus(["stdlib"], cleaner="raw", max_chars=300_000)
    assert len(corpus.split.test.stretches()) == 24


def test_it_has_no_parts() -> None:
    with pytest.raises(TextgenError, match="no parts such as 'json'"):
        StandardLibrary().read("json")
