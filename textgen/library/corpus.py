"""Texts, given by their names or paths, or loaded already."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from textgen import defaults
from textgen.contracts import TextgenError
from textgen.data.corpus import Corpus
from textgen.data.corpus import load_corpus as read_corpus
from textgen.data.sources import are_names
from textgen.evaluation.memorization import Overlap, find_overlap
from textgen.evaluation.scoring import Score
from textgen.experiment.entry_result import ScoreChecks
from textgen.library.corpus_views import CorpusStatistics, statistics
from textgen.library.options import Refuse, Source, TextOptions, changed, refusing
from textgen.runtime.messages import UsageError

TextSource: TypeAlias = Source | Sequence[Source] | TextOptions | Corpus
"""One source or several, which are joined; with options; or a corpus that is loaded already."""


@dataclass(frozen=True)
class ScoredSources:
    """The score of a run on named texts."""

    text: str
    """Their names."""
    cleaner: str
    num_chars: int
    score: Score
    checks: ScoreChecks


def load_corpus(
    corpus: Source | Sequence[Source] = defaults.CORPUS,
    *,
    clean: str = defaults.CLEANER,
    split: str = defaults.SPLIT,
    max_chars: int | None = None,
    encoding: str = defaults.ENCODING,
    keep_repeats: bool = False,
) -> Corpus:
    """Return a text, cleaned and split, for several calls of `bench`, `train` and `tune`.

    Raises `TextgenError` if a source cannot be read or the text is too short.
    """
    given = TextOptions(
        corpus, clean=clean, split=split, max_chars=max_chars, encoding=encoding, keep_repeats=keep_repeats
    )
    return loaded(given)


def loaded(corpus: TextSource) -> Corpus:
    """Return the corpus, which is read unless it is loaded already."""
    if isinstance(corpus, Corpus):
        return corpus
    text = check_text(corpus)
    if text.sealed is not None:
        raise UsageError("sealed has an effect on a bench only; leave it out")
    corpus_read = read(text)
    if not len(corpus_read.split.test):
        raise TextgenError(
            f"the split {text.split} has no test part; give one, as by 90/5/5, or score a text that is sealed"
        )
    return corpus_read


def read(text: TextOptions) -> Corpus:
    """Return the corpus of these options, which may have no test part."""
    given = text.sources, text.clean, text.split, text.max_chars, text.encoding
    return read_corpus(*given, keeps_repeats=text.keep_repeats)


@dataclass(frozen=True, kw_only=True)
class DescribedCorpus(CorpusStatistics):
    """The statistics of a corpus, and how much of its scored text is in its training text."""

    overlap: Overlap


def described(corpus: Corpus) -> DescribedCorpus:
    """Return what is known of a corpus."""
    overlap = find_overlap(corpus.split.held_out.stretches(), corpus.split.train.text)
    return DescribedCorpus(**vars(statistics(corpus)), overlap=overlap)


def check_text(corpus: TextSource) -> TextOptions:
    """Return the options of a text; raises `UsageError` for those without effect, or for a loaded corpus."""
    text = corpus if isinstance(corpus, TextOptions) else TextOptions(corpus)  # type: ignore[arg-type]
    if isinstance(text.corpus, Corpus):
        raise UsageError("options of the text have no effect on a loaded corpus; give it alone")
    check_encoding(text.sources, refusing(changed(text)))
    return text


def check_encoding(sources: Sequence[str], refuse: Refuse) -> None:
    """Refuse `encoding` if no source is a file, a folder or standard input."""
    if are_names(sources):
        refuse(["encoding"], f"on {' and '.join(sources)}, not read from a file")


def asks_for_items(sources: Sequence[str]) -> bool:
    """Return whether sources ask for the items of a corpus, such as `gutenberg/`."""
    return len(sources) == 1 and sources[0].endswith("/") and are_names(sources)


def name_of(corpus: TextSource) -> str:
    """Return the sources of a text, joined by plus signs."""
    return corpus.name if isinstance(corpus, Corpus) else "+".join(check_text(corpus).sources)
