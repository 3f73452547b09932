"""Word lists and spelling dictionaries where Debian, Ubuntu and others install them."""

from __future__ import annotations

import os
from collections.abc import Container
from functools import cache
from pathlib import Path

from textgen.contracts import TextgenError
from textgen_corpora.lexicons.hunspell import HunspellDictionary, read_dictionary

LISTS = {
    "bg": ("wbulgarian", ("bulgarian",)),
    "ca": ("wcatalan", ("catalan",)),
    "da": ("wdanish", ("danish",)),
    "de": ("wngerman", ("ngerman", "ogerman", "swiss")),
    "es": ("wspanish", ("spanish",)),
    "fr": ("wfrench", ("french",)),
    "it": ("witalian", ("italian",)),
    "nb": ("wnorwegian", ("bokmaal",)),
    "nl": ("wdutch", ("dutch",)),
    "pl": ("wpolish", ("polish",)),
    "pt": ("wbrazilian", ("brazilian", "portuguese")),
    "sv": ("wswedish", ("swedish",)),
    "uk": ("wukrainian", ("ukrainian",)),
}
"""The package that has a word list, and the names of its lists in `/usr/share/dict`, by language."""
PACKAGES = {"cs": "hunspell-cs", "el": "hunspell-el", "hu": "hunspell-hu", "ro": "hunspell-ro"} | {
    "ru": "hunspell-ru",
    "tr": "hunspell-tr",
}
"""The package that has a spelling dictionary, by language, for those without a word list."""


def lexicon(language: str) -> Container[str]:
    """Return the words of a language, a BCP 47 tag, in lower case with straight apostrophes.

    They are those of its word lists in `/usr/share/dict` and of its dictionary in `/usr/share/hunspell`, for
    the region that the tag names, or for any. English has a better lexicon, GloVe. Raises `TextgenError` if
    neither is installed.
    """
    primary, _, region = language.partition("-")
    if primary == "en":
        raise TextgenError("English words come from the lexicon glove")
    parts = [*map(word_list, word_lists(primary)), *map(dictionary, dictionaries(primary, region)[:1])]
    if not parts:
        package = LISTS[primary][0] if primary in LISTS else PACKAGES.get(primary)
        remedy = f"; run: apt-get install {package}" if package else ""
        raise TextgenError(f"no word list for the language {language!r} is installed{remedy}")
    return Union(tuple(parts))


class Union(Container[str]):
    """Words that any of several containers has."""

    def __init__(self, parts: tuple[Container[str], ...]) -> None:
        self.parts = parts

    def __contains__(self, word: object) -> bool:
        return any(word in part for part in self.parts)


def data_folders(name: str) -> list[Path]:
    """Return the folders of this name among the system's data, such as `/usr/share/dict`."""
    places = os.environ.get("XDG_DATA_DIRS") or "/usr/local/share:/usr/share"
    return [Path(place, name) for place in places.split(":") if place]


def word_lists(language: str) -> list[Path]:
    """Return the word lists of a language that are installed."""
    _, names = LISTS.get(language, ("", ()))
    paths = (folder / name for folder in data_folders("dict") for name in names)
    return [path for path in paths if path.is_file()]


def dictionaries(language: str, region: str) -> list[Path]:
    """Return the dictionaries of a language, that of the region first."""
    names = (f"{language}_{region}.dic", f"{language}.dic", f"{language}_{language.upper()}.dic")
    folders = data_folders("hunspell")
    first = [folder / name for folder in folders for name in names]
    others = [path for folder in folders for path in sorted(folder.glob(f"{language}_??.dic"))]
    return [path for path in (*first, *others) if path.is_file() and path.with_suffix(".aff").is_file()]


@cache
def word_list(path: Path) -> frozenset[str]:
    """Return the words of a list, one a line; raises `TextgenError` if it cannot be read."""
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise TextgenError(f"cannot read the word list {path}: {error}") from None
    return frozenset(word.replace("\u2019", "'") for word in text.lower().split())


@cache
def dictionary(path: Path) -> HunspellDictionary:
    """Return a spelling dictionary; raises `TextgenError` if it cannot be read."""
    return read_dictionary(path)
