"""The folder of a submission: its files, and what they must be before anything in them is believed."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from textgen.comparison.kinds import BENCH
from textgen.contracts import TextgenError
from textgen.experiment.entry_result import EntryResult
from textgen.results.comparison import Comparison
from textgen.results.row import Row, row_of
from textgen.runtime.environment import Machine
from textgen.runtime.messages import reason_of
from textgen.runtime.storage.files import read_plain
from textgen.runtime.storage.json_records import SCHEMA_VERSION, Count, read_record
from textgen_verify.board.rules import READING, RULES, STATIC

SUBMISSION, PROSE, REVIEW = "submission.json", "README.md", "review.json"
PLUGIN_FILE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,59}\.py")
MAX_BYTES = {BENCH: 2_000_000, SUBMISSION: 20_000, PROSE: 20_000, REVIEW: 1_000_000}
MAX_PLUGIN_BYTES = 200_000


@dataclass(frozen=True, kw_only=True)
class Submission:
    """What a submission says besides its result."""

    schema_version: int = SCHEMA_VERSION
    entry: str
    author: str
    plugins: dict[str, str]
    """Files that the entry needs: the SHA-256 of each."""
    bench: str
    """The SHA-256 of the bench that it was taken from: budgets in time are compared within one."""


@dataclass(frozen=True, kw_only=True)
class TrainedAgain:
    """The same entry, trained once more from its submission alone."""

    made: str
    began: str = ""
    """When its review began; under budgets in time, only what one review trained is compared."""
    machine: Machine
    versions: dict[str, str]
    num_parameters: Count
    rows: tuple[Row, ...]


@dataclass(frozen=True, kw_only=True)
class Review:
    """What `textgen review` found of a submission; only those who keep a leaderboard write it."""

    schema_version: int = SCHEMA_VERSION
    files: dict[str, str]
    """The SHA-256 of each file that was reviewed."""
    compressors: dict[str, float] = field(default_factory=dict)
    """Bits per character of its text by compressors that have read the training part."""
    again: TrainedAgain | None = None


@dataclass(frozen=True)
class Folder:
    """A folder `TEXT/BUDGET/CLASS/NAME` of a leaderboard."""

    board: Path
    text: str
    budget: str
    kind: str
    """The class: `static` or `reading-on`."""
    name: str

    @property
    def path(self) -> Path:
        """Where it is."""
        return self.board / self.text / self.budget / self.kind / self.name

    @cached_property
    def submission(self) -> Submission:
        """What it says of itself; raises `TextgenError` if it is damaged."""
        return read_record(Submission, self.path / SUBMISSION, needs_digest=True)

    @cached_property
    def result(self) -> Comparison:
        """Its result; raises `TextgenError` if it is damaged."""
        return read_record(Comparison, self.path / BENCH, needs_digest=True)

    @property
    def runs(self) -> list[EntryResult]:
        """The runs of its result."""
        return self.result.runs

    @property
    def rows(self) -> list[Row]:
        """What its runs measured."""
        return [row_of(run, self.result.scored_on) for run in self.runs]

    @cached_property
    def prose(self) -> str:
        """The text of its page; raises `TextgenError` if it cannot be read."""
        try:
            return read_plain(self.path / PROSE, MAX_BYTES[PROSE]).decode("utf-8")
        except (OSError, ValueError) as error:
            raise TextgenError(f"cannot read {PROSE}: {reason_of(error)}") from None

    @property
    def about(self) -> str:
        """The prose before its command, in one line; raises `TextgenError` if it cannot be read."""
        said = (line for line in self.prose.partition("```")[0].splitlines() if not line.startswith("#"))
        return " ".join(" ".join(said).split())

    @property
    def command(self) -> str:
        """The command of its page, which was compared with what its result says."""
        return self.prose.partition("```sh\n")[2].partition("\n")[0]

    @property
    def plugin_files(self) -> list[Path]:
        """The files that it needs, by names without folders."""
        return [self.path / name for name in self.submission.plugins]

    def hashes(self) -> dict[str, str]:
        """Return the hash of each of its files that a review is of."""
        names = (BENCH, SUBMISSION, PROSE, *self.submission.plugins)
        return {name: hash_of(self.path / name) for name in names}

    @cached_property
    def review(self) -> Review | None:
        """Return what was found of it; None if it was not reviewed, or has changed since."""
        try:
            found = read_record(Review, self.path / REVIEW, needs_digest=True)
            return found if found.files == self.hashes() else None
        except TextgenError:
            return None

    def found_to_be(self, review: Review | None) -> Folder:
        """Return the same with a review that is not saved."""
        told = replace(self)
        vars(told)["review"] = review
        return told


def hash_of(path: Path) -> str:
    """Return the SHA-256 of a file; raises `TextgenError` if it cannot be read."""
    try:
        return hashlib.sha256(read_plain(path, max(MAX_BYTES.values()))).hexdigest()
    except (OSError, ValueError) as error:
        raise TextgenError(f"cannot read {str(path)!r}: {reason_of(error)}") from None


def folder_at(path: Path) -> Folder:
    """Return the submission in a folder; raises `TextgenError` if that is not in one of a leaderboard.

    Its place must be what its path says: a link would lead elsewhere.
    """
    whole = path.absolute()
    if ".." in path.parts or any(each.is_symlink() for each in (whole, *whole.parents[:3])):
        raise TextgenError(f"{str(path)!r} leads to another folder; give the submission's own")
    *_, text, budget, kind, name = ("", "", "", *whole.parts)
    found = Folder(whole.parents[3], text, budget, kind, name)
    if kind not in (STATIC, READING) or not found.path.is_dir():
        if (path / RULES).is_file():
            raise TextgenError(f"the leaderboard {str(path)!r} has no submissions; make one: textgen submit")
        raise TextgenError(
            f"{str(path)!r} is neither the folder of a submission, TEXT/BUDGET/CLASS/NAME, nor that of a "
            f"leaderboard, with {RULES}"
        )
    return found


def find_submissions(board: Path) -> list[Path]:
    """Return the folders of submissions in that of a leaderboard, in the order of their names."""
    if not (board / RULES).is_file() or board.parent.name in (STATIC, READING):
        return []
    return [path.parent for path in sorted(board.glob(f"*/*/*/*/{SUBMISSION}"))]


def strange_files(folder: Folder) -> Iterator[str]:
    """Yield what is wrong with the files of a submission, without reading any but its description."""
    place = folder.path
    files = sorted(place.iterdir())
    for part in (folder.text, folder.budget, folder.kind, folder.name):
        if not is_part(part):
            yield f"the folder {part!r} has a name with other characters than letters, digits and -_.="
    if same := [each.name for each in place.parent.iterdir() if _is_other_case(each.name, folder.name)]:
        yield f"its name differs from that of {same[0]} by upper and lower case only"
    if links := [each.name for each in files if each.is_symlink() or not each.is_file()]:
        yield f"{links[0]} is a link or a folder; submit plain files"
        return
    known = {*MAX_BYTES, *folder.submission.plugins}
    for file in files:
        if file.name not in known:
            yield f"{file.name} is not part of a submission ({', '.join(sorted(known - {REVIEW}))})"
        elif (size := file.stat().st_size) > (limit := MAX_BYTES.get(file.name, MAX_PLUGIN_BYTES)):
            yield f"{file.name} has {size:,} bytes; at most {limit:,} are allowed"
    for name, digest in folder.submission.plugins.items():
        yield from _plugin_problems(place / name, name, digest)


def is_part(name: str) -> bool:
    """Return whether a folder of a submission may have this name."""
    return re.fullmatch(r"[A-Za-z0-9_=-][A-Za-z0-9_=.-]*", name) is not None


def _is_other_case(name: str, own: str) -> bool:
    return name != own and name.casefold() == own.casefold()


def _plugin_problems(path: Path, name: str, digest: str) -> Iterator[str]:
    if not PLUGIN_FILE.fullmatch(name):
        yield f"the plugin file {name!r} is not the name of a Python file in the folder"
    elif not path.is_file():
        yield f"the plugin file {name} is missing"
    elif hash_of(path) != digest:
        yield f"the plugin file {name} is another than the one that was submitted"
