"""Word lists, and spelling dictionaries of Hunspell, where Debian, Ubuntu and others install them."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import NamedTuple

from textgen.contracts import TextgenError

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


FIELD = re.compile(r"^(.+?)(?:(?<!\\)/(\S*))?(?:\s.*)?$")
"""A line of a dictionary: a stem, its flags after a slash, and morphology after white space."""


class Affix(NamedTuple):
    """Effect of a flag: a stem takes `added` instead of `stripped`, where `condition` matches it."""

    flag: str
    stripped: str
    added: str
    condition: str
    crosses: bool
    """True if a prefix and a suffix may both be taken."""


@dataclass(eq=False)
class HunspellDictionary(Container[str]):
    """The words of a dictionary, in any case; a word is looked up by taking its affixes off.

    One prefix and one suffix are known, as most dictionaries have them. Compound words are known only if they
    are listed, so that no made-up one counts as real. Source: the manual page hunspell(5).
    """

    flags: Mapping[str, frozenset[str]]
    """The flags of each stem in lower case."""
    prefixes: Mapping[str, list[Affix]] = field(default_factory=dict)
    """Prefixes by the text that they add."""
    suffixes: Mapping[str, list[Affix]] = field(default_factory=dict)
    hidden: frozenset[str] = frozenset()
    """Flags of stems that are not words themselves."""

    def __contains__(self, word: object) -> bool:
        if not isinstance(word, str):
            return False
        if self._is_stem(word) or any(True for _ in self._stems(word, self.suffixes, is_suffix=True)):
            return True
        return any(
            affix.crosses and other.crosses and affix.flag in self.flags[inner]
            for affix, stem in _without(word, self.prefixes, is_suffix=False)
            for other, inner in self._stems(stem, self.suffixes, is_suffix=True)
        ) or any(True for _ in self._stems(word, self.prefixes, is_suffix=False))

    def _is_stem(self, word: str) -> bool:
        return word in self.flags and not self.flags[word] & self.hidden

    def _stems(
        self, word: str, affixes: Mapping[str, list[Affix]], *, is_suffix: bool
    ) -> Iterator[tuple[Affix, str]]:
        """Yield the affixes that a word may have, each with the stem that takes it."""
        for affix, stem in _without(word, affixes, is_suffix=is_suffix):
            if affix.flag in self.flags.get(stem, ()):
                yield affix, stem


def _without(
    word: str, affixes: Mapping[str, list[Affix]], *, is_suffix: bool
) -> Iterator[tuple[Affix, str]]:
    """Yield each affix that the word may end (or begin) with, and the word without it."""
    for size in range(len(word)):
        added = word[len(word) - size :] if is_suffix else word[:size]
        for affix in affixes.get(added, ()):
            stem = word[: len(word) - size] + affix.stripped if is_suffix else affix.stripped + word[size:]
            if _condition(affix.condition, is_suffix).search(stem):
                yield affix, stem


@cache
def _condition(condition: str, is_suffix: bool) -> re.Pattern[str]:
    """Return the pattern of a condition: letters, dots and sets such as `[^aeiou]`."""
    parts = re.findall(r"\[\^?[^\]]+\]|.", condition)
    safe = "".join(part if part == "." or len(part) > 1 else re.escape(part) for part in parts)
    return re.compile(f"{safe}$" if is_suffix else f"^{safe}")


def read_dictionary(path: Path) -> HunspellDictionary:
    """Return the dictionary in a `.dic` file and the `.aff` file beside it.

    Raises `TextgenError` if they cannot be read.
    """
    try:
        rules = _read(path.with_suffix(".aff"))
        settings = {fields[0]: fields[1] for line in rules if len(fields := line.split()) == 2}
        stems = _read(path)[1:]  # the first line is their number
    except (OSError, LookupError, UnicodeDecodeError) as error:
        raise TextgenError(f"cannot read the dictionary {path}: {error}") from None
    aliases = [line.split()[1] for line in rules if line.startswith("AF ")][1:]
    kind = settings.get("FLAG", "")

    def flags_of(text: str) -> frozenset[str]:
        if aliases and text.isdecimal() and 0 < int(text) <= len(aliases):
            text = aliases[int(text) - 1]
        if kind == "num":
            return frozenset(text.split(","))
        return frozenset(map("".join, zip(text[::2], text[1::2], strict=False)) if kind == "long" else text)

    hidden = frozenset(
        settings[name] for name in ("NEEDAFFIX", "ONLYINCOMPOUND", "FORBIDDENWORD") if name in settings
    )
    forbidden = settings.get("FORBIDDENWORD")
    flags: dict[str, frozenset[str]] = {}
    for line in stems:
        if (entry := FIELD.match(line)) and forbidden not in (stem_flags := flags_of(entry[2] or "")):
            stem = _plain(entry[1].replace("\\/", "/"))
            flags[stem] = flags[stem] | stem_flags if stem in flags else stem_flags
    prefixes, suffixes = (_affixes(rules, name) for name in ("PFX", "SFX"))
    return HunspellDictionary(flags, prefixes, suffixes, hidden)


def _affixes(rules: list[str], name: str) -> dict[str, list[Affix]]:
    """Return the prefixes (PFX) or suffixes (SFX) of the rules, by what is added."""
    by_added: defaultdict[str, list[Affix]] = defaultdict(list)
    crossing: dict[str, bool] = {}
    for line in rules:
        fields = line.split()
        if len(fields) < 4 or fields[0] != name:
            continue
        flag = fields[1]
        if flag not in crossing:  # the first line of a flag: Y or N, and the number of its rules
            crossing[flag] = fields[2] == "Y"
            continue
        added = fields[3].partition("/")[0]
        condition = fields[4] if len(fields) > 4 else "."
        affix = Affix(
            flag,
            "" if fields[2] == "0" else _plain(fields[2]),
            "" if added == "0" else _plain(added),
            _plain(condition),
            crossing[flag],
        )
        by_added[affix.added].append(affix)
    return dict(by_added)


def _read(path: Path) -> list[str]:
    """Return the lines of a file in the encoding that the `.aff` file names."""
    head = path.with_suffix(".aff").read_bytes()[:2000].decode("latin-1")
    declared = re.search(r"^\ufeff?(?:ï»¿)?SET\s+(\S+)", head, re.M)
    encoding = (declared[1] if declared else "latin-1").replace("microsoft-", "")
    return path.read_bytes().decode(encoding).removeprefix("\ufeff").splitlines()


def _plain(text: str) -> str:
    return text.lower().replace("\u2019", "'")
