"""A compressor of many mixed models as a reference: `python -m textgen_benchmarks.zpaq_reference TEXT…`.

ZPAQ (Mahoney 2009), at its strongest setting, reads the training text and then the stretches of the test
text, one after the other, and learns from all. Since it cannot be stopped and copied, every stretch takes a
run over all text before it: a minute or two for each text, too long for every comparison. A text may have its
split after an equals sign. Needs `pip install zpaq`.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate, pairwise

from textgen.cli.console import print_rows
from textgen.data.corpus import load_corpus
from textgen.data.decoding import utf8
from textgen.defaults import SPLIT
from textgen.evaluation.scoring import ScoredUnits, interval
from textgen_benchmarks.saving import json_option, save

METHOD = "x4,0w2c0,1010,255i1c256ci1,1,1,1,1,1,2ac0,2,0,255i1c0,3,0,0,255i1c0,4,0,0,0,255i1mm16ts19t0"
"""What level 5 makes of text, in blocks of 16 MB. The level itself chooses components and tables by what it
reads, so that two sizes would differ by more than what is between them."""


@dataclass(frozen=True)
class ZpaqScore:
    """What the test text of one text takes."""

    text: str
    split: str
    bits_per_char: float
    interval: tuple[float, float] | None
    """95 %, for other passages; None for a single stretch."""
    num_chars: tuple[int, ...]
    """Characters of each stretch."""
    bits: tuple[int, ...]
    """Bits that each stretch adds to all before it."""


def score(text: str, split: str) -> ZpaqScore:
    """Return the bits of the test stretches after the training text and each other."""
    from zpaq import compress

    parts = load_corpus([text], split=split).split
    stretches = parts.test.stretches()
    texts = accumulate(map(utf8, stretches), initial=utf8(parts.train.text[:]))
    sizes = [8 * len(compress(each, method=METHOD, threads=1)) for each in texts]
    bits, chars = [after - before for before, after in pairwise(sizes)], list(map(len, stretches))
    units = ScoredUnits(tuple(chars), tuple(map(float, bits)))
    ends = interval(units, None) if len(bits) > 1 else None
    return ZpaqScore(text, split, sum(bits) / sum(chars), ends, tuple(chars), tuple(bits))


def main() -> None:
    """Score the texts and print a row for each."""
    parser = json_option(__doc__, "zpaq")
    parser.add_argument("texts", nargs="+", metavar="TEXT[=SPLIT]")
    options = parser.parse_args()
    scores = []
    for given in options.texts:
        text, _, split = given.partition("=")
        scores.append(score(text, split or SPLIT))
        row = {"text": text, "bits/char": f"{scores[-1].bits_per_char:.3f}"}
        print_rows([row | {"interval": str(scores[-1].interval)}])
    save(options.json, scores=scores)


if __name__ == "__main__":
    main()
