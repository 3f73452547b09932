"""Votes of readers for texts, as a kind of result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from textgen.reports.document import Report, Section, text_table
from textgen.results.result_kind import About, Kind
from textgen.runtime.storage.json_records import SCHEMA_VERSION, Count


@dataclass(frozen=True, kw_only=True)
class CountedVotes:
    """How many readers liked the texts of each entry best."""

    schema_version: int = SCHEMA_VERSION
    votes: dict[str, Count]


class Votes(Kind):
    """The votes of readers for the texts of entries."""

    file = "votes.json"

    def record(self) -> type:
        """Return the class of the file."""
        return CountedVotes

    def about(self, values: Mapping[str, Any]) -> About:
        """Return the entries, and the one with the most votes."""
        votes: dict[str, int] = values["votes"]
        return About(entries=tuple(votes), best=max(votes, key=lambda entry: votes[entry]))

    def report(self, result: CountedVotes, folder: Path) -> Report:  # noqa: ARG002
        """Return the entry with the most votes, and a table of all."""
        best = max(result.votes, key=lambda entry: result.votes[entry])
        rows = [(entry, str(number)) for entry, number in result.votes.items()]
        table = text_table("Votes", ("entry", "votes"), rows)
        sections = [Section("votes", "Votes", [table])]
        answer = f"{best} has the most votes."
        return Report(kind="votes", result=result, title="Votes", answer=answer, sections=sections)
