"""Packed texts: a line of JSON (`Header`), the code of each stretch, and the CRC-32 of all that.

Unpacking repeats the operations of packing, on the same shapes and in one thread, so that the model gives the
same probabilities: it is told one token of each stretch at a time, the longest stretches in the first rows.
"""

from __future__ import annotations

import hashlib
import json
import sys
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from annotated_types import MinLen
from numpy.typing import NDArray

from textgen.contracts import TextgenError, TokenIds
from textgen.data.bound_tokenizer import START
from textgen.data.decoding import read_chunks
from textgen.data.text import sha256
from textgen.evaluation.lockstep import Steps, longest_first
from textgen.experiment.entry import Entry
from textgen.experiment.saved_run import SavedRun, load_run
from textgen.registry.registry import find
from textgen.runtime.device import CPU, one_thread
from textgen.runtime.messages import reason_of
from textgen.runtime.storage.files import DIGESTS, make_folder, new_file, parse_json, read_plain
from textgen.runtime.storage.json_records import Count, from_values, to_values
from textgen.training.progress import Report, Step
from textgen_pack.coder import Decoder, Encoder, bounds

CHECKED = 4096
"""Steps between two checksums of the tokens."""
REPORTED = 64
"""Steps between two reports."""
MAX_BYTES = 2**32
"""Maximum size of a packed file."""
Choose = Callable[[int, NDArray[np.int64]], TokenIds]
"""Returns the tokens at a position of the stretches that have one, given their `bounds`."""


@dataclass(frozen=True, kw_only=True)
class Header:
    """The beginning of a packed file."""

    format: Literal[1] = 1
    entry: str
    run: str
    """The SHA-256 of the digests of the run's files."""
    num_tokens: Annotated[tuple[Count, ...], MinLen(1)]
    """Of each stretch, in the order of the text."""
    num_bytes: tuple[Count, ...]
    """Of the code of each stretch."""
    sha256: str
    """Of the text in UTF-8."""
    checksums: tuple[Count, ...]
    """The CRC-32 of the tokens told so far, after each `CHECKED` steps and after the last one."""

    def check(self) -> None:
        """Raise `ValueError` if its lists contradict each other."""
        if [len(self.num_bytes), len(self.checksums)] != [
            len(self.num_tokens),
            -(-self.num_steps // CHECKED),
        ]:
            raise ValueError("its lists contradict each other")

    @property
    def num_steps(self) -> int:
        """The tokens of the longest stretch."""
        return max(self.num_tokens)


@dataclass(frozen=True, kw_only=True)
class Packed:
    """The sizes of a packed text and of the run that packed it."""

    file: str
    entry: str
    text: str
    num_chars: int
    num_bytes: int
    """The size of the file."""
    code_bytes: int
    """The size of the codes in it."""
    reported_bits: float | None
    """The bits that the run reports for this text; None for a file of the user's."""
    difference: float | None
    """The share by which the codes are longer than that."""
    model_bytes: dict[str, int]
    """The sizes of the run's files, and of modules of plugins that are not textgen's own."""


def pack_text(folder: Path, text: str | Path | None, out: str | Path | None, report: Report) -> Packed:
    """Pack a text; see `textgen_pack.pack`."""
    path = Path(f"{folder.resolve().name}.packed" if out is None else out)
    if path.exists():
        raise TextgenError(f"{str(path)!r} already exists; choose another file with --out")
    make_folder(path.parent)
    run = load_run(folder, CPU)
    if run.result.problem is not None:
        raise TextgenError(f"{run.entry.name!r} has no score, so it cannot pack: {run.result.problem}")
    name, stretches = _scored_text(run) if text is None else _file(Path(text))
    ids = [run.encode(each) for each in stretches]
    order = longest_first([*map(len, ids)])
    encoders, checksums = [Encoder() for _ in ids], list[int]()

    def choose(position: int, shares: NDArray[np.int64]) -> TokenIds:
        tokens = np.array([ids[index][position] for index in order[: len(shares)]], np.int64)
        for index, row, token in zip(order, shares, tokens, strict=False):
            encoders[index].put(row, token)
        return tokens

    tell = _reporter(report, "packing", run)
    _tell(run, [*map(len, ids)], choose, lambda _, checksum: checksums.append(checksum), tell)
    codes = [encoder.finish() for encoder in encoders]
    header = Header(
        entry=run.entry.name,
        run=_digest(folder),
        num_tokens=tuple(map(len, ids)),
        num_bytes=tuple(map(len, codes)),
        sha256=sha256("".join(stretches)),
        checksums=tuple(checksums),
    )
    data = b"".join([json.dumps(to_values(header), separators=(",", ":")).encode(), b"\n", *codes])
    with new_file(path) as file:
        file.write(data + zlib.crc32(data).to_bytes(4))
    size = sum(map(len, codes))
    num_chars, score = sum(map(len, stretches)), run.result.test or run.result.validation
    reported = score.bits_per_char * num_chars if text is None and score else None
    return Packed(
        file=str(path),
        entry=run.entry.name,
        text=name,
        num_chars=num_chars,
        num_bytes=len(data) + 4,
        code_bytes=size,
        reported_bits=reported,
        difference=reported and 8 * size / reported - 1,
        model_bytes=_model_bytes(folder, run.entry),
    )


def unpack_text(folder: Path, path: str | Path, report: Report) -> str:
    """Return a text that was packed; see `textgen_pack.unpack`."""
    header, codes = _read(Path(path))
    if header.run != _digest(folder):
        raise TextgenError(
            f"{str(path)!r} was packed with another run of {header.entry!r}, or {str(folder)!r} has changed"
        )
    run = load_run(folder, CPU)
    order, found = longest_first(header.num_tokens), [list[int]() for _ in codes]
    decoders = [Decoder(code) for code in codes]

    def choose(_: int, shares: NDArray[np.int64]) -> TokenIds:
        for index, row in zip(order, shares, strict=False):
            found[index].append(decoders[index].take(row))
        return np.array([found[index][-1] for index in order[: len(shares)]], np.int64)

    def check(num_steps: int, checksum: int) -> None:
        if checksum != header.checksums[-(-num_steps // CHECKED) - 1]:
            begin = (num_steps - 1) // CHECKED * CHECKED
            raise TextgenError(
                f"the probabilities differ from those of pack between token {begin:,} and {num_steps:,} of "
                f"{'the text' if len(codes) == 1 else 'its stretches'}: another machine or version rounds "
                "differently, or the model had read the text"
            )

    _tell(run, header.num_tokens, choose, check, _reporter(report, "unpacking", run))
    text = "".join(map(run.tokenizer.table.decode, found))
    if sha256(text) != header.sha256:
        raise TextgenError(f"the tokens in {str(path)!r} spell a different text from the packed one")
    return text


def _tell(
    run: SavedRun,
    num_tokens: Sequence[int],
    choose: Choose,
    check: Callable[[int, int], None],
    report: Callable[[float], None],
) -> None:
    """Tell the model of a run stretches of these lengths, whose tokens `choose` returns.

    `check` is called with the number of steps and the CRC-32 of the tokens so far.
    """
    lengths, checksum, steps = np.sort(num_tokens)[::-1], 0, Steps(run.model, CPU)
    with one_thread():
        logits = steps.begin(len(lengths), run.tokenizer.encode(START))
        for position in range(lengths[0]):
            num_rows, num_left = (int((lengths > place).sum()) for place in (position, position + 1))
            tokens = choose(position, bounds(logits[:num_rows]))
            checksum = zlib.crc32(tokens.tobytes(), checksum)
            if not num_left or not (position + 1) % CHECKED:
                check(position + 1, checksum)
            if num_left:
                logits = steps.tell(tokens[:num_left])
            if not position % REPORTED:
                report(position / lengths[0])


def _reporter(report: Report, state: str, run: SavedRun) -> Callable[[float], None]:
    return lambda fraction: report(Step(state, run.entry.name, fraction=fraction))


def _scored_text(run: SavedRun) -> tuple[str, Sequence[str]]:
    """Return a name of the text that a run was scored on, and its stretches, read again."""
    split = run.corpus("give the text itself: textgen pack RUN TEXT").split
    return f"{run.settings.corpus.name} ({split.scored_on})", split.held_out.stretches()


def _file(path: Path) -> tuple[str, Sequence[str]]:
    """Return the name of a text file and its text, byte for byte."""
    try:
        text = b"".join(read_chunks(path)).decode()
    except UnicodeDecodeError as error:
        raise TextgenError(f"{str(path)!r} is not UTF-8: {reason_of(error)}") from None
    if not text:
        raise TextgenError(f"{str(path)!r} is empty: there is nothing to pack")
    return path.name, [text]


def _read(path: Path) -> tuple[Header, list[bytes]]:
    """Return the contents of a packed file; raises `TextgenError` if it is damaged."""
    try:
        data = read_plain(path, MAX_BYTES)
        if zlib.crc32(data[:-4]) != int.from_bytes(data[-4:]):
            raise ValueError("its checksum is wrong")
        line, _, rest = data[:-4].partition(b"\n")
        header, stream = from_values(Header, parse_json(line)), BytesIO(rest)
        return header, [stream.read(size) for size in header.num_bytes]
    except OSError as error:
        raise TextgenError(f"cannot read {str(path)!r}: {reason_of(error)}") from None
    except ValueError as error:
        raise TextgenError(f"{str(path)!r} is damaged, or not a packed text: {reason_of(error)}") from None


def _digest(folder: Path) -> str:
    """Return the hash of the digests of a run's files, which `load_run` checks."""
    try:
        return hashlib.sha256(read_plain(folder / DIGESTS, 2**20)).hexdigest()
    except OSError as error:
        raise TextgenError(f"cannot read run {str(folder)!r}: {reason_of(error)}") from None


def _model_bytes(folder: Path, entry: Entry) -> dict[str, int]:
    """Return the sizes of all files of a run, and of the code of others' plugins."""
    sizes = {path.name: path for path in folder.rglob("*") if path.is_file()}  # a plugin may add some
    used = [find(kind, name) for kind, name in entry.components.values() if kind != "embedding"]
    others = {plugin.module.partition(".")[0] for plugin in used if not plugin.is_own}
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] in others and (file := getattr(module, "__file__", None)):
            sizes[name] = Path(file)
    return {name: path.stat().st_size for name, path in sizes.items()}
