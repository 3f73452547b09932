"""Text for people: one-line error messages, the nearest match for an unknown name, durations and sizes."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from textgen.contracts import TextgenError
from textgen.version import DISTRIBUTION

MAX_MESSAGE_CHARS = 500
"""Characters of an error's message that are shown."""
MAX_LINE_CHARS = 700
"""Characters of a whole line about an error."""
MAX_WORD_CHARS = 200
"""Characters of a name, a value or a path in it."""


class UsageError(TextgenError):
    """Options that have no effect or contradict each other; the command line then exits with code 2."""


def one_line(error: BaseException, with_type: bool = True) -> str:
    """Return the type and message of an error in one line of limited length."""
    message = " ".join(str(error).split())
    if len(message) > MAX_MESSAGE_CHARS:
        message = message[:MAX_MESSAGE_CHARS] + "…"
    if message and not with_type:
        return message
    return f"{type(error).__name__}: {message}" if message else type(error).__name__


def reason_of(error: BaseException) -> str:
    """Return why something failed, without a type: an error of the operating system has words of its own."""
    return getattr(error, "strerror", None) or one_line(error, with_type=False)


def shortened(message: str) -> str:
    """Return a message in one line of bounded length; long names, values and paths lose their middle."""
    words = [_cut(word, 100) if len(word) > MAX_WORD_CHARS else word for word in message.split()]
    return _cut(" ".join(words), MAX_LINE_CHARS)


def _cut(text: str, max_chars: int) -> str:
    """Return the beginning and the end of a long text; the beginning of a message says what is wrong."""
    if len(text) <= max_chars:
        return text
    end = max_chars // 3
    return f"{text[: max_chars - end - 1]}…{text[-end:]}"


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether Python or torch ran out of memory, for which torch raises a RuntimeError on the CPU."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    signs = ("out of memory", "not enough memory", "allocate memory")
    return isinstance(error, RuntimeError) and any(sign in str(error).lower() for sign in signs)


def unknown(what: str, name: str, known: Iterable[str], otherwise: str = "") -> str:
    """Return the one-line message for an unknown name: the nearest match, or advice without one; the list."""
    known = sorted(known)
    near = difflib.get_close_matches(name[:MAX_WORD_CHARS], known, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}? " if near else ""
    return f"unknown {what} {name!r}; {hint}known: {', '.join(known) or 'none'}{'' if near else otherwise}"


def import_extra(module: str, extra: str, problem: str) -> Any:
    """Import and return a module of an optional package; raises `TextgenError` that says how to install it.

    `extra` is that of textgen with the package, `problem` says what lacks it.
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise TextgenError(f"{problem}; run: {install(extra)}") from error


def require_extra(module: str, extra: str, problem: str) -> None:
    """Raise `TextgenError` as `import_extra` does if a package is missing, without importing it."""
    if find_spec(module) is None:
        raise TextgenError(f"{problem}; run: {install(extra)}")


def install(extra: str) -> str:
    """Return the command that installs the optional packages of an extra, to be pasted."""
    return f'pip install "{DISTRIBUTION}[{extra}]"'


def with_article(kind: str) -> str:
    """Return a kind as `a model` or `an embedding`."""
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"


def about(seconds: float) -> str:
    """Return an approximate time in words: `about 40 s`, `about 2.5 min`, `about 1 h 20 min`."""
    if seconds < 10:
        return "a few seconds"
    if seconds < 90:
        return f"about {5 * round(seconds / 5)} s"
    if seconds < 600:
        return f"about {round(seconds / 30) / 2:g} min"
    hours, minutes = divmod(round(seconds / 60), 60)
    exact = [f"{hours} h"] * (hours > 0) + [f"{minutes} min"] * (minutes > 0)
    return f"about {' '.join(exact)}"


def clock(seconds: float) -> str:
    """Return a time as minutes and seconds: `1:05`."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"
