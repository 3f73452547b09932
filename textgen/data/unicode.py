"""Text to UTF-8 and back, lone surrogates included."""

from __future__ import annotations


def utf8(text: str) -> bytes:
    """Return the bytes of `text`; a lone surrogate, which UTF-8 forbids, becomes three bytes."""
    return text.encode("utf-8", "surrogatepass")


def from_utf8(data: bytes) -> str:
    """Return the text of `data`; undoes `utf8`, and turns invalid sequences into U+FFFD."""
    try:
        return data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return data.decode("utf-8", "replace")
