"""Strings that may steer a terminal."""

from __future__ import annotations

import json
import random

PIECES = (
    "\x1b]0;owned\x07",
    "\x1b[5m",
    "\x9b5m",
    "\u202e",
    "\u2066",
    "\x1b]8;;http://evil\x1b\\x\x1b]8;;\x1b\\",
    "\x7f",
    "\r",
    "\x08\x08",
    "\x0c",
    "\x0b",
    "\x1b[4m",
    "\x1bc",
    "\x1bP+q\x1b\\",
    "\x90q\x9c",
    "\x9d0;x\x9c",
    "\0",
    "\x0e",
    "\u2028",
    "\u2029",
    "\u200f",
    "[red]x[/red]",
    "[link=http://evil]x[/link]",
    "[/]",
    "[bold",
    ":smile:",
    "<script>",
    "[x](http://evil)",
    "|",
    "`",
    "a" * 300,
    "日" * 40,
    "\ud800",
    "\udc9b",
    "\n",
    "\nerror: x",
    "\t",
    "é\u0301" * 30,
    "\U000e0041",
    "\ufeff",
    "\u200b",
)


def hostile(chance: random.Random, *, line: bool = False) -> str:
    """Return a string with pieces that may steer a terminal."""
    pieces = [
        chance.choice(PIECES) if chance.random() < 0.7 else chance.choice(("x", "word ", "é"))
        for _ in range(chance.randint(1, 5))
    ]
    text = "".join(pieces)
    return text.replace("\n", "") if line else text


def safe_json(text: str) -> str:
    """Return JSON, or TOML, of a string."""
    return json.dumps(text).replace("\x7f", "\\u007f")
