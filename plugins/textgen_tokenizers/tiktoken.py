"""Encodings of OpenAI's `tiktoken`, from a local file or from the library's cache: nothing is downloaded."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

from textgen.contracts import TextgenError
from textgen.runtime.messages import one_line, reason_of
from textgen.runtime.storage.plain_files import read_plain
from textgen_tokenizers.pretrained import MinCount, PretrainedTokenizer

MAX_BYTES = 2**26
"""Bytes of a file of ranks, at most."""


@dataclass
class TiktokenTokenizer(PretrainedTokenizer):
    """The tokens of a tiktoken encoding that occur in the training text, and bytes for all else.

    Special tokens are not used: what looks like one is text.
    """

    path: str = ""
    """File such as `cl100k_base.tiktoken`; without it, tiktoken's cache."""
    name: str = ""
    """Encoding such as `cl100k_base`; without it, the name of the file."""
    min_count: MinCount = 2
    """Minimum number of occurrences in the training text of a token that is kept."""
    _encoding: Any = field(default=None, init=False, repr=False)

    def read(self) -> dict[str, Any]:
        """Return pattern and ranks; raises `TextgenError` if they cannot be read."""
        name = self.name or Path(self.path).stem
        if not name:
            raise TextgenError("the tokenizer 'tiktoken' needs an encoding; write path=FILE or name=ENCODING")
        tiktoken = _library()
        known = tiktoken.list_encoding_names()
        if name not in known:
            raise TextgenError(f"tiktoken lacks encoding {name!r}; write name= and one of {', '.join(known)}")
        # What the library lacks it would download by this function.
        with patch.object(tiktoken.load, "read_file", self._local_file):
            try:
                encoding = tiktoken.get_encoding(name)
            except (OSError, ValueError, AssertionError) as error:
                where = self.path or "tiktoken's cache"
                raise TextgenError(f"{where} is not the encoding {name!r}: {one_line(error)}") from error
        ranks = encoding._mergeable_ranks.items()
        return {
            "pattern": encoding._pat_str,
            "ranks": {base64.b64encode(piece).decode("ascii"): rank for piece, rank in ranks},
        }

    def open(self, source: dict[str, Any]) -> None:
        """Make the encoding."""
        ranks = {base64.b64decode(piece): rank for piece, rank in source["ranks"].items()}
        self._encoding = _library().Encoding(
            "textgen", pat_str=source["pattern"], mergeable_ranks=ranks, special_tokens={}
        )

    def cut(self, text: str) -> Iterator[bytes]:
        """Yield the bytes of each token."""
        return map(self._encoding.decode_single_token_bytes, self._encoding.encode_ordinary(text))

    def _local_file(self, address: str) -> bytes:
        if not self.path:
            raise TextgenError(
                f"tiktoken's cache lacks {address.rpartition('/')[2]}, and textgen downloads nothing; "
                "write path= with that file"
            )
        try:
            return read_plain(Path(self.path), MAX_BYTES)
        except OSError as error:
            raise TextgenError(f"{self.path!r} cannot be read: {reason_of(error)}") from None


def _library() -> Any:
    try:
        import tiktoken
        import tiktoken.load
    except ImportError as error:
        raise TextgenError(
            "the tokenizer 'tiktoken' needs the package tiktoken; run: pip install 'textgen-bench[tiktoken]'"
        ) from error
    return tiktoken
