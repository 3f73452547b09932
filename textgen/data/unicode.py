"""Text to UTF-8 and back, lone surrogates included."""

from __future__ import annotations


def utf8(text: str) -> bytes:
    """Return the UTF-8 bytes of `text`; a lone surrogate, which UTF-8 forbids, becomes three bytes."""
    return text.encode("utf-8", "surrogatepass")


def from_utf8(data: bytes) -> str:
    """Return the text of UTF-8 bytes, the inverse of `utf8`; invalid sequences become U+FFFD."""
    try:
        return data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return data.decode("utf-8", "replace")
