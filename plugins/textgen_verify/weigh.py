"""Runs that pack their text in one process, and give it back in another, which has only the packed file."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from textgen.contracts import TextgenError
from textgen.data.decoding import utf8
from textgen.registry.registry import plugin_files
from textgen.results.comparison import Comparison
from textgen.results.folders import run_folder
from textgen.runtime.storage.files import parse_json
from textgen_verify.compare import Check, Difference, SavedFiles
from textgen_verify.rescore import load_text

TOLERANCE, LARGER = 0.002, 64
"""Share, and bytes, by which a code may differ from the score: rounding, and the ends of stretches."""


def weigh(files: SavedFiles, path: Path, result: Comparison) -> Iterator[Check]:
    """Yield a check of each run that has a score, with the sizes of the packed text and of the model."""
    text = utf8("".join(load_text(result).split.held_out.stretches()))
    for row in result.runs:
        if (score := row.score(result.scored_on)) is None:
            continue
        run, sizes = run_folder(path.parent, row.name, row.seed), "its packed text"
        with TemporaryDirectory() as place:
            packed, unpacked = Path(place) / "packed", Path(place) / "unpacked"
            try:
                said = parse_json(_textgen("pack", run, "--json", "--out", packed))
                size, model = packed.stat().st_size, sum(said["model_bytes"].values())
                sizes = f"its packed text ({size:,} B + model {model:,} B)"
                _textgen("unpack", run.absolute(), packed, "--out", unpacked, folder=place)
                problem = "" if unpacked.read_bytes() == text else "another text"
                reported = score.bits_per_char * said["num_chars"] / 8
                if abs(said["code_bytes"] - reported) > LARGER + TOLERANCE * reported:
                    problem = f"{said['code_bytes']:,} B of code for the {reported:,.0f} B of its score"
            except TextgenError as error:
                problem = str(error)
        differs = (Difference("text", "that of the corpus", problem),) if problem else ()
        yield Check(files.name(run), sizes, row.score_checks.num_tokens, differs)


def _textgen(command: str, *arguments: object, folder: str | None = None) -> bytes:
    """Return the output of a command; raises `TextgenError` with its last line if it fails."""
    plugins = (f"--plugin={file.absolute()}" for file in plugin_files())
    words = [sys.executable, "-m", "textgen", command, "--quiet", *plugins, *map(str, arguments)]
    done = subprocess.run(words, cwd=folder, capture_output=True, check=False)
    if done.returncode:
        raise TextgenError((done.stderr.decode(errors="replace").splitlines() or ["it was killed"])[-1])
    return done.stdout
