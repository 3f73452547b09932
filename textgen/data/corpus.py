"""A corpus: a text that is read, cleaned, split in three and identified by its hashes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from itertools import accumulate
from pathlib import Path

from markupsafe import Markup

from textgen.contracts import Cleaner, TextgenError
from textgen.data.decoding import decode_files, read_chunks, utf8
from textgen.data.parallel import map_in_order
from textgen.data.repeats import without_repeats
from textgen.data.sources import language_of, locate_files, read_text, require_readable_texts
from textgen.data.split import (
    MIN_CHARS,
    MIN_CUT_WINDOW,
    NO_PART,
    PARTS,
    Part,
    Split,
    SplitInfo,
    SplitPart,
    cut_position,
    cut_stretches,
    parse_split,
    split_text,
)
from textgen.data.text import BLOCK_CHARS, FileText, Text, cut_blocks, part, sha256, sha256_of
from textgen.defaults import CLEANER, ENCODING, LANGUAGE, SPLIT
from textgen.page.render import notebook_block, notebook_table
from textgen.registry.attribution import contract_error
from textgen.registry.options import build
from textgen.registry.registry import find
from textgen.runtime.messages import UsageError
from textgen.runtime.storage.cache import cache_path, cached, new_cached_file
from textgen.version import DISTRIBUTION

HASH_CHARS = 12
"""Characters of a hash that are shown."""
MAX_IN_MEMORY = 16_000_000
"""Files of more bytes than this are cleaned block by block and stay on disk."""
TEXTS_FORMAT = 3
"""Version of the cached texts; raise it when the same file and cleaner give a different text."""


@dataclass(frozen=True)
class CorpusInfo:
    """Identity of a cleaned text and its split in a result."""

    name: str
    cleaner: str
    num_chars: int
    sha256: str
    split: SplitInfo
    language: str = LANGUAGE
    """A BCP 47 tag, or several with plus signs between."""
    repeated_chars: int = 0
    """Characters of repeated paragraphs that were left out."""


@dataclass(frozen=True)
class TextSources:
    """Origin of a text; with the cleaner and the split, all that is needed to load it again."""

    names: tuple[str, ...] = ()
    max_chars: int | None = None
    encoding: str = ENCODING
    sealed: str | None = None
    """The file with the test text, if that is not part of the text."""
    keeps_repeats: bool = True
    """False if paragraphs that repeat earlier ones are left out (`data/repeats.py`)."""


@dataclass(frozen=True, repr=False)
class Corpus:
    """A cleaned text and its split; Jupyter shows their sizes and hashes."""

    name: str
    cleaner: str
    text: Text
    split: Split
    sources: TextSources = TextSources()
    language: str = LANGUAGE
    repeated_chars: int = 0
    whole: CorpusInfo | None = None
    """The identity of the corpus, if this is one without the text that is scored."""

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
        """Return what a model is trained and validated on: the same corpus without its test part."""
        return replace(self, text="", split=replace(self.split, test=NO_PART), whole=self.info)

    def with_sealed(self, path: str) -> Corpus:
        """Return the corpus with the text of a file as its test part.

        Raises `TextgenError` if it cannot be read or is too short, and `UsageError` if there is a test part.
        """
        if len(self.split.test):
            raise UsageError("a sealed text is the test part, so give the other one none, as by 95/5/0")
        _, text = load_text([path], self.cleaner, self.sources.encoding)
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

    Paragraphs that repeat earlier ones are left out, unless `keeps_repeats`, or the text is on disk.

    The cut moves back to the end of a paragraph, line or word within the last tenth (at most 1000
    characters); without one it is exact.

    Raises `TextgenError` if a source cannot be read, or if what remains is too short to split.
    """
    method = parse_split(split)
    if max_chars is not None and max_chars < 1:
        raise TextgenError(f"cannot cut the corpus to {max_chars} characters; give a positive number")
    name, text = load_text(sources, cleaner, encoding)
    before = len(text)
    if isinstance(text, str) and not keeps_repeats:
        text = without_repeats(text)
    repeated_chars = before - len(text)
    if max_chars is not None and max_chars < len(text):
        text = part(
            text, 0, cut_position(text, max_chars, before=min(MIN_CUT_WINDOW, max_chars // 10), after=0)
        )
    origin = TextSources(tuple(sources), max_chars, encoding, keeps_repeats=keeps_repeats)
    split_in_parts = split_text(text, method)
    return Corpus(name, cleaner, text, split_in_parts, origin, language_of(sources), repeated_chars)


def load_again(sources: TextSources, cleaner: str, split: str) -> Corpus:
    """Return a text that was read before from these sources; raises as `load_corpus` does."""
    given = sources.names, cleaner, split, sources.max_chars, sources.encoding
    corpus = load_corpus(*given, keeps_repeats=sources.keeps_repeats)
    return corpus if sources.sealed is None else corpus.with_sealed(sources.sealed)


def load_text(sources: Sequence[str], cleaner: str, encoding: str = ENCODING) -> tuple[str, Text]:
    """Return the name and the cleaned text of the sources, as `read_text` knows them.

    Files of more than `MAX_IN_MEMORY` bytes together become a text on disk; standard input and the
    corpora known by name are always read into memory.
    """
    require_readable_texts()
    build("cleaner", cleaner)  # an unknown one is refused before anything is read
    located = locate_files(sources)
    files = [path for _, paths in located or () for path in paths]
    if not located or sum(path.stat().st_size for path in files) <= MAX_IN_MEMORY:
        name, before = read_text(sources, encoding)
        return name, clean_text(before, name, cleaner)
    name, text = "+".join(name for name, _ in located), clean_files(files, cleaner, encoding)
    if not len(text):
        raise _nothing_left(name, cleaner)
    return name, text


def clean_text(text: str, name: str, cleaner: str) -> str:
    """Return a text after a cleaner; raises `TextgenError`, which calls it `name`, if nothing is left."""
    cleaning = build("cleaner", cleaner)
    if not text.strip():
        raise TextgenError(f"{name} contains only white space; give a text")
    cleaned = cleaning.clean(text)
    if not isinstance(cleaned, str):
        raise contract_error(cleaning, f"returned {type(cleaned).__name__} instead of a text")
    if not cleaned.strip():
        raise _nothing_left(name, cleaner)
    return cleaned


def _nothing_left(name: str, cleaner: str) -> TextgenError:
    return TextgenError(f"nothing of {name} remains after the cleaner {cleaner!r}; try --clean raw")


def clean_files(files: Sequence[Path], cleaner: str, encoding: str) -> FileText:
    """Return the cleaned text of files, joined by blank lines; it may be empty.

    Blocks of a million characters are cleaned one by one, so a cleaner that looks at its whole text (to
    tell whether prose is hard-wrapped) decides for each block. The result is cached under the hash of the
    files and of everything else that determines it. Raises as `decode_chunks` does, and if the cache cannot
    be written.
    """
    cleaning = build("cleaner", cleaner)
    path = cache_path(
        "texts",
        TEXTS_FORMAT,
        BLOCK_CHARS,
        [sha256_of(read_chunks(file)) for file in files],
        cleaner,
        encoding,
        version(DISTRIBUTION),
        find("cleaner", cleaner.partition(":")[0]).version,
    )
    description = cached(path)
    if description is None:
        description = {"block_chars": [], "block_bytes": []}
        blocks = cut_blocks(decode_files(files, encoding), BLOCK_CHARS)
        with new_cached_file(path, description) as file:
            for block in join_cleaned(cleaning, map_in_order(cleaning.clean, blocks)):
                description["block_chars"].append(len(block))
                description["block_bytes"].append(file.write(utf8(block)))
    chars = list(accumulate(description["block_chars"], initial=0))
    return FileText(path, chars, list(accumulate(description["block_bytes"], initial=0)), ((0, chars[-1]),))


def join_cleaned(cleaner: Cleaner, blocks: Iterable[str]) -> Iterator[str]:
    """Yield the cleaned blocks that are not empty, each followed by the separator before the next.

    The separator is the cleaner's `joint`; without one it is a blank line where the block ends mid-line.
    """
    joint: str | None = getattr(cleaner, "joint", None)
    previous = ""
    for block in filter(None, blocks):
        if previous:
            ends = previous.endswith("\n")
            yield previous + (("" if ends else "\n\n") if joint is None else joint)
        previous = block
    if previous:
        yield previous
