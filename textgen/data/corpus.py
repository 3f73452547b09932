"""A corpus: a text that is read, cleaned, split in three and identified by its hashes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from markupsafe import Markup

from textgen.contracts import TextgenError
from textgen.data.cleaning import load_text, without_repeats
from textgen.data.sources import STANDARD_INPUT, keep_in_memory, language_of
from textgen.data.split import (
    MIN_CHARS,
    MIN_CUT_WINDOW,
    NO_PART,
    PARTS,
    Part,
    Split,
    SplitInfo,
    SplitPart,
    cut_stretches,
    parse_split,
    split_text,
)
from textgen.data.text import Text, cut_position, part, sha256
from textgen.defaults import CLEANER, ENCODING, LANGUAGE, SPLIT
from textgen.page.render import notebook_block, notebook_table
from textgen.runtime.messages import UsageError, shortened
from textgen.runtime.storage.json_records import Count

MAX_CHARS = 10**15
"""The most characters that a text may be cut to, which nobody means."""
HASH_CHARS = 12
"""Characters of a hash that are shown."""


@dataclass(frozen=True)
class CorpusInfo:
    """Identity of a cleaned text and its split in a result."""

    name: str
    cleaner: str
    num_chars: Count
    sha256: str
    split: SplitInfo
    language: str = LANGUAGE
    """A BCP 47 tag, or several with plus signs between."""
    repeated_chars: Count = 0
    """Characters of repeated paragraphs that were left out."""

    def check(self) -> None:
        """Raise `ValueError` if a part that is scored lacks its stretches."""
        scored = (self.split.validation, self.split.test)
        if any(each.num_chars and not each.stretch_chars for each in scored):
            raise ValueError("split: a part lacks its stretches")


@dataclass(frozen=True)
class TextSources:
    """Origin of a text; with the cleaner and the split, all that is needed to load it again."""

    names: tuple[str, ...] = ()
    max_chars: int | None = None
    encoding: str = ENCODING
    sealed: str | None = None
    """The file with the test text, if that is not part of the text."""

    @property
    def are_kept(self) -> bool:
        """False if the text was not recorded, or in part read from standard input."""
        return bool(self.names) and STANDARD_INPUT not in self.names


@dataclass(frozen=True, repr=False)
class Corpus:
    """A cleaned text and its split; Jupyter displays their sizes and hashes."""

    name: str
    cleaner: str
    text: Text
    split: Split
    sources: TextSources = TextSources()
    language: str = LANGUAGE
    repeated_chars: int = 0
    whole: CorpusInfo | None = None
    """The identity of the corpus, if this is one without the text that is scored."""
    num_documents: int = 1

    @classmethod
    def from_texts(
        cls, texts: Iterable[str], *, clean: str = CLEANER, split: str = SPLIT, max_chars: int | None = None
    ) -> Corpus:
        """Create a corpus from `texts` in memory, each a document, such as the rows of a database.

        Its name, also in results, is `memory:` and a hash of the texts; only this process can read them again
        by that name. `clean`, `split` and `max_chars` are as in `load_corpus`. Raises `TextgenError` if the
        texts are not strings, or too short.
        """
        return load_corpus([keep_in_memory(texts)], clean, split, max_chars)

    @property
    def num_chars(self) -> int:
        """The length of the text in characters (code points)."""
        return len(self.text)

    @property
    def sha256(self) -> str:
        """The hash of the text's UTF-8 bytes, in hexadecimal."""
        return sha256(self.text)

    def with_training(self, percent: float) -> Corpus:
        """Return the corpus with the first `percent` of each training stretch; the rest is unchanged."""
        target = max(MIN_CHARS["train"], round(len(self.split.train) * percent / 100))
        return replace(self, split=replace(self.split, train=self.split.train.first(target)))

    @property
    def info(self) -> CorpusInfo:
        """Name, cleaner, sizes and hashes of the corpus."""
        if self.whole is not None:
            return self.whole
        parts = (self._part_info(name) for name in PARTS)
        split = SplitInfo(str(self.split.method), *parts)
        identity = self.name, self.cleaner, self.num_chars, self.sha256
        return CorpusInfo(*identity, split, self.language, self.repeated_chars)

    def without_test(self) -> Corpus:
        """Return what a model is trained and validated on: the same corpus without its test part.

        It does not say where the text comes from.
        """
        split = replace(self.split, test=NO_PART)
        return replace(self, text="", split=split, whole=self.info, sources=TextSources())

    def with_sealed(self, path: str) -> Corpus:
        """Return the corpus with the text of the file `path` as its test part.

        Raises `TextgenError` if it cannot be read or is too short, and `UsageError` if there is a test part.
        """
        if len(self.split.test):
            raise UsageError("a sealed text replaces the test part; split off none, as with 95/5/0")
        text = load_text([path], self.cleaner, self.sources.encoding).text
        test = cut_stretches(text, self.split.method, path)
        sources = replace(self.sources, sealed=path)
        return replace(self, split=replace(self.split, test=test), sources=sources)

    def __repr__(self) -> str:
        size = f"{self.num_chars:,} characters"
        return f"Corpus({self.name!r}, cleaner {self.cleaner!r}, {size}, sha256 {self.sha256[:HASH_CHARS]})"

    def _repr_html_(self) -> str:
        info = self.info
        sized = [("whole text", info), *((name, getattr(info.split, name)) for name in PARTS)]
        rows = [[name, f"{each.num_chars:,}", each.sha256[:HASH_CHARS]] for name, each in sized]
        title = f"{self.name}, cleaner {self.cleaner}, split {info.split.method}"
        table = notebook_table(("", "characters", "sha256"), rows)
        return notebook_block(Markup("<p>{}</p>").format(title), table)

    def _part_info(self, name: str) -> SplitPart:
        stretches: Part = getattr(self.split, name)
        scored = () if name == "train" else self.split.scored(name).stretch_chars
        return SplitPart(len(stretches), sha256(stretches.text), scored)


def load_corpus(
    sources: Sequence[str],
    cleaner: str = CLEANER,
    split: str = SPLIT,
    max_chars: int | None = None,
    encoding: str = ENCODING,
    *,
    keeps_repeats: bool = False,
) -> Corpus:
    """Return the text of the sources, cleaned, cut to at most `max_chars` characters and split.

    Paragraphs that repeat earlier ones are left out, unless `keeps_repeats`, the split is exact, or the text
    is on disk.

    The cut moves back to the end of a paragraph, line or word within the last tenth (at most 1000
    characters); without one it is exact.

    Raises `TextgenError` if a source cannot be read, or if what remains is too short to split.
    """
    method = parse_split(split)
    if max_chars is not None and not 0 < max_chars <= MAX_CHARS:
        given = shortened(str(max_chars))
        raise TextgenError(f"cannot cut the corpus to {given} characters; give 1 to {MAX_CHARS:,}")
    loaded = load_text(sources, cleaner, encoding)
    text, borders = loaded.text, loaded.borders
    if isinstance(text, str) and not keeps_repeats and not method.is_exact:
        text, borders = without_repeats(text, borders)
    repeated_chars = len(loaded.text) - len(text)
    if max_chars is not None and max_chars < len(text):
        text = part(
            text, 0, cut_position(text, max_chars, before=min(MIN_CUT_WINDOW, max_chars // 10), after=0)
        )
    borders = sorted({border for border in borders if 0 < border < len(text)})
    return Corpus(
        loaded.name,
        cleaner,
        text,
        split_text(text, method, borders),
        TextSources(tuple(sources), max_chars, encoding),
        language_of(sources),
        repeated_chars,
        num_documents=len(borders) + 1,
    )


def load_again(sources: TextSources, info: CorpusInfo) -> Corpus:
    """Return a text that was read before from these sources; raises as `load_corpus` does."""
    given = sources.names, info.cleaner, info.split.method, sources.max_chars, sources.encoding
    corpus = load_corpus(*given, keeps_repeats=not info.repeated_chars)
    return corpus if sources.sealed is None else corpus.with_sealed(sources.sealed)
