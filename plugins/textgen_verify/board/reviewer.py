"""The review of submissions: refused with a reason, or computed again, and compared with the others."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from textgen.comparison.kinds import BENCH
from textgen.contracts import TextgenError
from textgen.reports.formats import in_brackets
from textgen.reports.markdown import code, escape, table_lines
from textgen.runtime.messages import reason_of, shortened
from textgen.runtime.storage.json_records import write_record
from textgen_verify.board.again import Reproduction, is_small, reproduction, train_again
from textgen_verify.board.check import is_same, lacks
from textgen_verify.board.folders import REVIEW, Folder, Review, TrainedAgain, find_submissions, folder_at
from textgen_verify.board.reader import submissions_beside
from textgen_verify.board.rules import Rules, compressed, loaded_text, read_rules
from textgen_verify.board.standings import STATES, Standing, State, standings_of, state_of
from textgen_verify.verification import VerifiedFiles
from textgen_verify.verifier import checks_of


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What a review found of one submission."""

    submission: str = ""
    """Its folder."""
    refused: tuple[str, ...] = ()
    """The reasons, each in a line; empty if it is accepted."""
    notes: tuple[str, ...] = ()
    """What was left out, and why."""
    state: State = "claimed"
    comment: str = ""
    """The comparison with the others, in Markdown."""


@dataclass(frozen=True, kw_only=True)
class ReviewRequest:
    """What is reviewed, and what may be run for it."""

    folders: Sequence[Path]
    """Of submissions, or of whole leaderboards."""
    again: str | None = None
    """The largest budget that is trained again, of those in its unit; None: nothing is."""
    run_plugins: bool = False
    saves: bool = False
    """Whether what is found is written beside each submission."""
    tell: Callable[[str], object] = field(default=lambda line: None)
    began: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))


def review_all(request: ReviewRequest) -> list[Finding]:
    """Return what is found of each submission; a folder without one is refused.

    Each is compared with all others of its table, as this review found them.
    """
    paths = [path for place in request.folders for path in find_submissions(place) or [place]]
    found = [_reviewed(path, request) for path in paths]
    accepted = {folder.path: folder for _, folder in found if folder}
    return [
        replace(finding, comment="\n".join(comment_lines(folder, accepted))) if folder else finding
        for finding, folder in found
    ]


def _reviewed(path: Path, request: ReviewRequest) -> tuple[Finding, Folder | None]:
    """Return what is found of a submission, and the submission with its review if it is accepted."""
    request.tell(str(path))
    try:
        folder = folder_at(path)
        found, accepted = _found(folder, read_rules(folder.board), request)
        if request.saves and found.refused:
            (folder.path / REVIEW).unlink(missing_ok=True)
    except (TextgenError, OSError) as error:
        return Finding(submission=str(path), refused=(reason_of(error),)), None
    return replace(found, submission=str(path), refused=tuple(map(shortened, found.refused))), accepted


def _found(folder: Folder, rules: Rules, request: ReviewRequest) -> tuple[Finding, Folder | None]:
    wrong, notes = list(lacks(folder, rules)), list[str]()
    if wrong:
        return Finding(refused=tuple(wrong)), None
    text, again, is_loaded = rules.texts[folder.text], None, True
    wrong = [*recomputed(folder), *_equals(folder, rules)]
    try:
        if not is_same(folder.result.corpus, loaded_text(text).info):
            wrong.append(f"its text is not {text.corpus}")
    except TextgenError as error:
        is_loaded = False
        notes.append(f"its text was not loaded: {error}")
    if not wrong and request.again and is_small(folder.budget, request.again):
        if folder.submission.plugins and not request.run_plugins:
            files = ", ".join(folder.submission.plugins)
            notes.append(f"not trained again: {files} is code of others; read it, then give --run-plugins")
        else:
            again = train_again(folder, text, request.began)
            wrong += _differs(folder, again)
    if wrong:
        return Finding(refused=tuple(wrong), notes=tuple(notes)), None
    if request.saves and again is None and folder.review and (again := folder.review.again):
        notes.append(f"trained again on {again.made}, as {REVIEW} says, and not now")
    review = None
    if is_loaded:
        review = Review(files=folder.hashes(), compressors=compressed(text), again=again)
    if review and request.saves:
        write_record(folder.path / REVIEW, review)
    folder = folder.found_to_be(review)
    return Finding(notes=tuple(notes), state=state_of(folder)), folder


def recomputed(folder: Folder) -> Iterator[str]:
    """Yield the numbers that differ from what they follow from."""
    for check in checks_of(VerifiedFiles(folder.path / BENCH)):
        yield from (f"{check.kind}: {each}" for each in check.disagreements)


def _differs(folder: Folder, again: TrainedAgain) -> Iterator[str]:
    """Yield how far a submission that was trained again is from what it claims, if that is not rounding."""
    found = reproduction(folder, again)
    yield from (f"trained again, {fact}" for fact in found.facts)
    if not found.agrees and not found.facts:
        yield f"trained again, its score is another: {_told(found)}"


def _told(found: Reproduction) -> str:
    seeds = ", ".join(f"{change:+.4f}" for change in found.of_seeds)
    if found.is_timed:
        return (
            f"{found.change:+.4f} bits per character, by seed {seeds}: machines allow more or less training"
        )
    return (
        f"{found.change:+.4f} bits per character (at most {found.allowed:.4f} is rounding), by seed {seeds} "
        f"(at most {found.allowed_of_seed:.4f})"
    )


def _equals(folder: Folder, rules: Rules) -> Iterator[str]:
    """Yield which submission of the same table has the same bits; one that was reviewed is no copy."""
    for each in submissions_beside(folder, rules, {folder.path: folder}):
        is_first = folder.review is not None and each.review is None
        if each is folder or is_first:
            continue
        if [row.units for row in each.rows] == [row.units for row in folder.rows]:
            yield f"its bits are those of {each.name}: it is the same entry"


def comment_lines(folder: Folder, accepted: Mapping[Path, Folder]) -> Iterator[str]:
    """Yield the comparison of a submission with the others of its table, in Markdown."""
    rules = read_rules(folder.board)
    standing = next(each for each in standings_of(submissions_beside(folder, rules, accepted), rules))
    place = next(each for each in standing.places if each.name == folder.name)
    rank, own = standing.places.index(place) + 1, f"{place.num_seeds} seeds"
    yield f"### {code(place.entry)} on {escape(standing.title)}\n"
    yield f"*{place.state}*: {STATES[place.state]}."
    yield (
        f"{place.bits_per_char:.4f} bits per character{in_brackets(place.interval)} with {own}: place {rank} "
        f"of {len(standing.places)}."
    )
    yield "It sets a record." if place.is_record else "It does not set a record."
    yield from _again_line(folder)
    if rows := list(_against(standing, folder.name)):
        header = ["against", "bits/char more", "95 % interval", "p (Holm)"]
        yield from ("", *table_lines([header, *rows]))


def _again_line(folder: Folder) -> Iterator[str]:
    if folder.review and (again := folder.review.again):
        found = _told(reproduction(folder, again))
        yield f"Trained again on {again.made} on {escape(again.machine.description)}: {found}."


def _against(standing: Standing, name: str) -> Iterator[list[str]]:
    entries = {place.name: place.entry for place in standing.places}
    for each in standing.differences:
        if name in (each.a, each.b):
            sign, other = (-1, each.b) if each.a == name else (1, each.a)
            ends = sorted(sign * end for end in each.interval or ())
            interval = " to ".join(f"{end:+.4f}" for end in ends) or "-"
            yield [code(entries[other]), f"{sign * each.bits_per_char:+.4f}", interval, f"{each.p_value:.2g}"]
