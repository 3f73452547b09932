"""Texts that are downloaded once: books and debates from NLTK's data, and Tiny Shakespeare."""

from __future__ import annotations

import hashlib
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPException
from urllib.request import urlopen
from zipfile import ZipFile

from textgen.contracts import TextgenError
from textgen.data.sources import download_folder
from textgen.data.text_file import naming_damage
from textgen.runtime.messages import unknown
from textgen.runtime.storage.files import new_file

BOOKS = (
    "austen-emma.txt", "austen-persuasion.txt", "austen-sense.txt", "bible-kjv.txt", "blake-poems.txt",
    "bryant-stories.txt", "burgess-busterbrown.txt", "carroll-alice.txt", "chesterton-ball.txt",
    "chesterton-brown.txt", "chesterton-thursday.txt", "edgeworth-parents.txt", "melville-moby_dick.txt",
    "milton-paradise.txt", "shakespeare-caesar.txt", "shakespeare-hamlet.txt", "shakespeare-macbeth.txt",
    "whitman-leaves.txt",
)  # fmt: skip
NLTK_DATA = "https://raw.githubusercontent.com/nltk/nltk_data/gh-pages/packages/corpora"
CHAPTER = re.compile(r"^(?=chapter (?:\d|[ivxl])+)", re.I | re.M)
DEBATES = {
    "da": "danish", "de": "german", "el": "greek", "en": "english", "es": "spanish", "fi": "finnish",
    "fr": "french", "it": "italian", "nl": "dutch", "pt": "portuguese", "sv": "swedish",
}  # fmt: skip
"""Folders of debates by language."""
TIMEOUT = 20.0
"""Seconds without an answer after which a download fails."""


@dataclass
class Gutenberg:
    """Eighteen English books, one per item, such as `gutenberg/austen-emma.txt`.

    Source: NLTK's data package `gutenberg` (S. Bird, E. Loper and E. Klein), downloaded once (4 MB) into the
    user's cache. Licence: public domain in the United States.
    """

    def items(self) -> list[str]:
        return list(BOOKS)

    def read(self, item: str) -> list[str]:
        """Return the chapters of a book, or all of it if its chapters are not called so.

        Raises `TextgenError` for an unknown book, and if the books cannot be downloaded.
        """
        if item not in BOOKS:
            raise TextgenError(unknown("gutenberg book", item, BOOKS))
        with _nltk_archive("gutenberg") as archive:
            return CHAPTER.split(archive.read(f"gutenberg/{item}").decode("latin-1"))


@dataclass
class Europarl:
    """Ten days of debates in the European Parliament in 2000, one language per item, such as `europarl/de`.

    About 90 debates, 3.5 million characters, the same in each of eleven languages (less in English), with a
    space before each punctuation mark. Source: NLTK's data package `europarl_raw`, downloaded once (13 MB),
    a sample of P. Koehn, "Europarl: A Parallel Corpus for Statistical Machine Translation", MT Summit 2005.
    Licence: no copyright is claimed.
    """

    def items(self) -> list[str]:
        return list(DEBATES)

    def language(self, item: str) -> str:
        return item

    def read(self, item: str) -> list[str]:
        """Return the debates in a language.

        Raises `TextgenError` for an unknown language, and if the debates cannot be downloaded.
        """
        if item not in DEBATES:
            raise TextgenError(unknown("language of europarl", item, list(DEBATES)))
        with _nltk_archive("europarl_raw") as archive:
            names = (name for name in archive.namelist() if f"/{DEBATES[item]}/ep-" in name)
            days = [archive.read(name).decode("utf-8", "replace") for name in sorted(names)]
        return [debate for day in days for debate in re.split(r"\n\s*\n", day) if debate.strip()]


@contextmanager
def _nltk_archive(name: str) -> Iterator[ZipFile]:
    """Open a data package of NLTK's, which is downloaded unless it was before."""
    path = download_folder() / "nltk" / "corpora" / f"{name}.zip"
    if not path.is_file():
        data = _downloaded(name, f"{NLTK_DATA}/{name}.zip")
        path.parent.mkdir(parents=True, exist_ok=True)
        with new_file(path) as file:
            file.write(data)
    with naming_damage(str(path)), ZipFile(path) as archive:
        yield archive


URL = "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt"
SHA256 = "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed"


@dataclass
class TinyShakespeare:
    """Scenes from Shakespeare's plays, 1.1 M characters, selected by A. Karpathy (2015).

    The text is downloaded once (about 1 MB), verified by its hash and kept in the user's cache. Licence:
    public domain.
    """

    def read(self, item: str) -> str:
        """Return the text.

        Raises `TextgenError` if `item` is not empty, and if the text cannot be downloaded.
        """
        if item:
            raise TextgenError(f"the corpus tinyshakespeare has no item {item!r}; write tinyshakespeare")
        path = download_folder() / "tinyshakespeare.txt"
        if path.is_file() and _sha256(data := path.read_bytes()) == SHA256:
            return data.decode()
        data = _downloaded("tinyshakespeare", URL)
        if _sha256(data) != SHA256:
            raise TextgenError(
                f"the download from {URL} is not tinyshakespeare ({len(data)} bytes, wrong SHA-256); "
                "try again later, or use wiki, lee or the path of a text"
            )
        with suppress(OSError):  # the cache is optional, and its hash tells a file that was cut off
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        return data.decode()


def _downloaded(name: str, url: str) -> bytes:
    """Return the bytes of a corpus; raises `TextgenError` if they cannot be downloaded."""
    print(f"downloading {url}", file=sys.stderr)
    try:
        with urlopen(url, timeout=TIMEOUT) as response:
            data: bytes = response.read()
            return data
    except (OSError, HTTPException) as error:
        raise TextgenError(
            f"cannot download {name} from {url} ({getattr(error, 'reason', error)}); "
            "use wiki or lee, which need no network, or the path of a text"
        ) from None


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
