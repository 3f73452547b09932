"""Portuguese: news, academic texts and tweets of the project DANTE."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import groupby
from pathlib import Path

from textgen.contracts import TextgenError
from textgen.runtime.messages import unknown

PACKAGE, MODULE = "dante-corpora", "dante"
ITEMS = {"porttinari": True, "petrogold": False, "dantestocks": True, "danteshots": False}
"""The texts, and whether their tokens have spaces between, as in `de o mercado , disse`."""

ARTICLES = ("o", "a", "os", "as")
AQUELE = ("aquele", "aquela", "aqueles", "aquelas", "aquilo")
DEMONSTRATIVES = (
    *("este", "esta", "estes", "estas", "isto", "esse", "essa", "esses", "essas", "isso"),
    *AQUELE,
)
PRONOUNS = ("ele", "ela", "eles", "elas")
CONTRACTIONS = {
    **{f"de {word}": f"d{word}" for word in (*ARTICLES, *DEMONSTRATIVES, *PRONOUNS)},
    **{f"em {word}": f"n{word}" for word in (*ARTICLES, *DEMONSTRATIVES, *PRONOUNS)},
    **{f"por {word}": f"pel{word}" for word in ARTICLES},
    **{f"a {word}": f"à{word[1:]}" for word in ("a", "as", *AQUELE)},
    "a o": "ao",
    "a os": "aos",
}
"""Prepositions that form one word with what follows; Brazilian *em um* does not need to."""

CONTRACTION = re.compile(rf"\b(?:{'|'.join(sorted(CONTRACTIONS, key=len, reverse=True))})\b", re.I)
QUOTED = re.compile(r"(?<!\S)([\"']) (.+?) \1(?!\S)")
BEFORE_MARK = re.compile(r" +(?=[,.;:!?)\]}%]+(?:[\s\"']|$))")
AFTER_BRACKET = re.compile(r"(?<=[(\[{]) +")


@dataclass
class Dante:
    """Portuguese, one text per item, such as `dante/porttinari`.

    `porttinari` are sentences of 1,073 articles of the newspaper Folha de S.Paulo, 0.8 million characters;
    `petrogold` 19 theses about oil and gas, 1.3 million; `dantestocks` and `danteshots` tweets about shares
    and about vaccination, with their addresses and user names. They come with the package `dante-corpora`
    (University of São Paulo), where some have spaces between their tokens: punctuation is joined to its word
    again, and a preposition to what follows it (`de o` becomes `do`). That may be wrong before an infinitive
    (*antes de o governo agir*), and lost hyphens (*manter se*) stay lost. Licence of the package: MIT.
    """

    def items(self) -> list[str]:
        """Return the names of the texts."""
        return list(ITEMS)

    def language(self, item: str) -> str:  # noqa: ARG002 - all are in one language
        """Return Brazilian Portuguese."""
        return "pt-BR"

    def read(self, item: str) -> str:
        """Return the articles, sentences of theses, or tweets of an item with blank lines between.

        Raises `TextgenError` for an unknown item, and if the package is not installed.
        """
        if item not in ITEMS:
            raise TextgenError(unknown("text of dante", item, ITEMS))
        sentences = [(name, " ".join(text.split())) for name, text in _sentences(_file(item))]
        if item == "porttinari":  # FOLHA_DOC000001_SENT003
            articles = groupby(sentences, key=lambda sentence: sentence[0].rpartition("_")[0])
            texts = [" ".join(text for _, text in article) for _, article in articles]
        else:
            texts = [text for _, text in sentences]
        return "\n\n".join(map(detokenize, texts) if ITEMS[item] else texts)


def detokenize(text: str) -> str:
    """Return a text whose tokens have spaces between as it was written, but for what cannot be known."""
    text = QUOTED.sub(r"\1\2\1", CONTRACTION.sub(_contracted, text))
    return AFTER_BRACKET.sub("", BEFORE_MARK.sub("", text))


def _contracted(match: re.Match[str]) -> str:
    word = CONTRACTIONS[match[0].lower()]
    return word.capitalize() if match[0][0].isupper() else word


def _file(item: str) -> Path:
    """Return the file of an item; its package is not imported, which would need pandas and setuptools."""
    module = find_spec(MODULE)
    for folder in module.submodule_search_locations or () if module else ():
        path = Path(folder, "data", item, "annotated.conllu")
        if path.is_file():
            return path
    raise TextgenError(f"the corpora of DANTE are not installed; run: pip install '{PACKAGE}>=2,<3'")


def _sentences(path: Path) -> Iterator[tuple[str, str]]:
    """Yield the name and the text of each sentence in a CoNLL-U file, which lists its tokens too."""
    name = text = ""
    try:
        with path.open(encoding="utf-8") as lines:
            for line in lines:
                if line.startswith("# sent_id = "):
                    name = line.partition("= ")[2].strip()
                elif line.startswith("# text = "):
                    text = line.partition("= ")[2].strip()
                elif not line.strip() and text:
                    yield name, text
                    name = text = ""
    except (OSError, UnicodeDecodeError) as error:
        raise TextgenError(f"cannot read {path}: {error}") from None
    if text:
        yield name, text
