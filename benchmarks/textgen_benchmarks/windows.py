"""Scores in windows without history: `python -m textgen_benchmarks.windows FOLDER`.

FOLDER is that of `textgen bench … --out FOLDER`. nanoGPT estimates a validation loss from windows of 256
tokens, each predicted from an initial state and the token before it; textgen carries the state over a whole
stretch. This program scores the validation part of each run in consecutive windows, which is what random ones
estimate, so that published losses can be compared. Results go to results/windows.json.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from textgen.cli.console import print_rows
from textgen.comparison.bench import RESULT as BENCH
from textgen.comparison.bench import run_folder
from textgen.comparison.comparison_result import Comparison
from textgen.comparison.verify_bench import loaded_again, scored_rows
from textgen.contracts import TokenIds
from textgen.evaluation.token_bits import LOG2, bits_of
from textgen.experiment.saved_run import load_run
from textgen.nn.language_model import LanguageModel
from textgen.runtime.device import choose_device
from textgen.runtime.environment import versions
from textgen.runtime.storage.files import write_file
from textgen.runtime.storage.json_records import SCHEMA_VERSION, read_record, to_json

RESULTS = Path(__file__).parents[1] / "results"
NUM_TOKENS = 256
"""Tokens of a window, as nanoGPT's block_size."""
NUM_ROWS = 64
"""Windows that are scored at once."""


@dataclass(frozen=True)
class WindowScore:
    """The validation loss of a run in nats per character, with and without history."""

    name: str
    seed: int
    carried: float
    """The state is carried over each stretch, as in every score of textgen."""
    windows: float
    """Each window is predicted from an initial state."""
    num_windows: int


def main() -> None:
    """Score the runs of a comparison."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, default=RESULTS / "windows.json")
    options = parser.parse_args()
    result = read_record(Comparison, options.folder / BENCH)
    rows = [asdict(score) for score in window_scores(result, options.folder)]
    print_rows(rows)
    about = {
        "schema_version": SCHEMA_VERSION,
        "command": f"python -m textgen_benchmarks.windows {options.folder.name}",
        "comparison": result.command,
        "num_tokens": NUM_TOKENS,
        "corpus": result.corpus,
        "versions": versions(),
    }
    write_file(options.out, to_json({**about, "rows": rows}))


def window_scores(result: Comparison, folder: Path) -> Iterator[WindowScore]:
    """Yield the scores of all runs of a comparison, whose text is loaded again."""
    corpus, device = loaded_again(result), choose_device("auto", "fp32").device
    for row in scored_rows(result):
        if row.validation is None:
            continue
        run = load_run(run_folder(folder, row.name, row.seed), device)
        stretches = [run.tokenizer.encode(text) for text in corpus.split.scored("validation").stretches()]
        inputs, targets = windows(stretches)
        bits = bits_of_windows(run.model, inputs, targets, device)
        num_chars = int(run.tokenizer.table.num_chars[targets].sum())
        nats = float(bits.sum()) / num_chars * LOG2
        yield WindowScore(row.name, row.seed, row.validation.nats_per_char, nats, len(inputs))


def windows(stretches: Sequence[TokenIds], num_tokens: int = NUM_TOKENS) -> tuple[TokenIds, TokenIds]:
    """Return consecutive windows and the tokens that follow each of theirs, [number of windows, tokens].

    The rest of a stretch, shorter than a window, is left out.
    """
    pairs = []
    for ids in stretches:
        number = (len(ids) - 1) // num_tokens
        kept = number * num_tokens
        pairs.append(tuple(part.reshape(number, num_tokens) for part in (ids[:kept], ids[1 : kept + 1])))
    inputs, targets = zip(*pairs, strict=True)
    return np.concatenate(inputs), np.concatenate(targets)


def bits_of_windows(
    model: LanguageModel, inputs: TokenIds, targets: TokenIds, device: torch.device
) -> NDArray[np.float64]:
    """Return the bits of each target, [number of windows, tokens], each window from an initial state."""
    rows = []
    with torch.inference_mode():
        for begin in range(0, len(inputs), NUM_ROWS):
            here, following = (
                torch.from_numpy(part[begin : begin + NUM_ROWS].astype(np.int64)).to(device)
                for part in (inputs, targets)
            )
            logits, _ = model.forward(here, model.initial_state(len(here)))
            rows.append(bits_of(logits, following).numpy())
    return np.concatenate(rows)


if __name__ == "__main__":
    main()
