"""Bytes to text: in pieces as in one, in any encoding."""

from __future__ import annotations

import codecs
from itertools import accumulate, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from textgen.contracts import TextgenError
from textgen.data.decoding import decode_chunks


@given(data=st.binary(max_size=40), sizes=st.lists(st.integers(1, 6)))
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "latin-1", "gb18030", "ascii"])
def test_pieces_are_decoded_as_the_whole(encoding: str, data: bytes, sizes: list[int]) -> None:
    ends = [0, *accumulate(sizes)]
    chunks = [*(data[a:b] for a, b in pairwise(ends)), data[ends[-1] :]]

    def outcome(chunks: list[bytes]) -> str:
        try:
            return "".join(decode_chunks(chunks, "x", encoding))
        except TextgenError as error:
            # Python reports a missing byte-order mark or the first wrong unit, whichever it meets first
            return str(error).partition(":")[0] if lacks_mark else str(error)

    lacks_mark = encoding == "utf-16" and not data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    assert (
        outcome(chunks).replace("--encoding utf-16", "plain")
        == outcome([data]).replace("--encoding utf-16", "plain")
        or not chunks[0]
    )
