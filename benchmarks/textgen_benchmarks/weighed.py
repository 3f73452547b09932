"""Every kind of entry, packed and unpacked: `python -m textgen_benchmarks.weighed TEXT`.

Entries train briefly on two texts. Each packs its test text, and another process, in an empty folder, unpacks
it. The exit code is 1 if a text does not come back, or if the codes differ from the bits that were reported
by more than 0.02 % and 64 bits for each stretch.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import textgen
from textgen.data.decoding import utf8
from textgen_benchmarks.saving import json_option, save
from textgen_pack import pack

SMALL = "hidden_size=32,num_layers=1"
TOKENS = ("char", "word", "bpe")
ENTRIES = (
    *(f"{tokens}-{model}:{SMALL}" for tokens in TOKENS for model in ("lstm", "gru", "transformer")),
    *(f"{tokens}-{model}" for tokens in TOKENS for model in ("ngram", "uniform")),
    *(f"2*{tokens}-lstm+ngram:lstm.hidden_size=32" for tokens in TOKENS),
    *(f"{tokens}-lstm+{top}:lstm.hidden_size=32" for tokens in TOKENS for top in ("mix", "match")),
    *("byte-lstm:hidden_size=32", "char-lstm+words:lstm.hidden_size=32", "char-hier", "random", "original"),
)
MAX_SHARE, MAX_BITS = 0.0002, 64


def weighed(run: textgen.Run, corpus: textgen.Corpus, folder: Path) -> dict[str, Any]:
    """Return the sizes of the packed test text of a run, and whether it came back."""
    packed, empty, stretches = run.folder / "packed", folder / "empty", corpus.split.test.stretches()
    empty.mkdir(exist_ok=True)
    sizes = pack(run.folder, out=packed)
    words = [sys.executable, "-m", "textgen", "unpack", str(run.folder), str(packed), "--quiet"]
    done = subprocess.run(words, cwd=empty, capture_output=True, check=False)
    reported, bits = sizes.reported_bits or 0.0, 8 * sizes.code_bytes
    limit = MAX_SHARE * reported + MAX_BITS * len(stretches)
    return {
        "text": corpus.name,
        "entry": run.entry,
        "stretches": len(stretches),
        "reported_bits": reported,
        "code_bits": bits,
        "comes_back": done.stdout == utf8("".join(stretches)),
        "is_as_reported": abs(bits - reported) <= limit,
    }


def main() -> None:
    """Measure all entries on both texts, and print them."""
    parser = json_option(__doc__, "weighed")
    parser.add_argument("text", help="a file, of which 100,000 characters count, beside the corpus lee")
    parser.add_argument("--budget", default="20kchars", help="of training (default: %(default)s)")
    options, rows, cluster = parser.parse_args(), list[dict[str, Any]](), textgen.ClusterOptions(device="cpu")
    for source, split in (("lee", "90/5/5"), (str(Path(options.text).absolute()), "contiguous:90/5/5")):
        text = textgen.TextOptions(source, split=split, max_chars=100_000)
        corpus = textgen.load_corpus(source, split=split, max_chars=100_000)
        for name in ENTRIES:
            with TemporaryDirectory() as place:
                out = Path(place) / "run"
                run = textgen.train(name, text, budget=options.budget, cluster=cluster, out=out)
                rows.append(weighed(run, corpus, Path(place)))
            print(*rows[-1].values(), sep="\t", flush=True)
            save(options.json, budget=options.budget, rows=rows)
    sys.exit(not all(row["comes_back"] and row["is_as_reported"] for row in rows))


if __name__ == "__main__":
    main()
