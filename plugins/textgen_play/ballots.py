"""The ballots of blind votes, whose answers stay here until they are voted on."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from random import SystemRandom
from typing import Any

from textgen.contracts import TextgenError
from textgen_play import model_process
from textgen_play.client import Client
from textgen_play.votes import CHARS, MORE_CHARS, cut

MAX_BALLOTS = 10_000
"""Ballots that are remembered; the oldest ones are forgotten."""


@dataclass
class Ballot:
    """Two continuations that a page shows."""

    client: str
    writers: tuple[int | None, ...]
    """In the order of the page; None is the author."""
    sampler: str
    chosen: int | None = None
    """The place of the one that was chosen."""


class Ballots:
    """The ballots of all pages."""

    def __init__(self, models: Client) -> None:
        self._models = models
        self._ballots: dict[str, Ballot] = {}
        self._random = SystemRandom()

    async def draw(
        self, client: str, number: int, entries: Sequence[int], sampler: str, *, has_author: bool
    ) -> dict[str, Any]:
        """Return a passage, the one of this `number` for a page, with two continuations in random order.

        They are those of two of the entries, or the author's and that of one.
        """
        if len(entries) < 2 - has_author:
            raise TextgenError("choose two different models")
        before, text = await self._models.do(model_process.vote_passage, client, number)
        chosen = self._random.sample(entries, 2 - has_author)
        writers = tuple(self._random.sample([*chosen, *([None] if has_author else [])], 2))
        texts = [
            text if writer is None else await self._written(writer, before, sampler) for writer in writers
        ]
        name = secrets.token_hex(8)
        self._ballots[name] = Ballot(client, writers, sampler)
        if len(self._ballots) > MAX_BALLOTS:
            del self._ballots[next(iter(self._ballots))]
        return {"ballot": name, "before": before, "texts": texts}

    async def vote(self, name: str, choice: int) -> dict[str, Any]:
        """Take a vote, and return who wrote the continuations, and the tally so far or why there is none."""
        ballot = self._ballots.get(name)
        if ballot is None or ballot.chosen is not None:
            raise TextgenError("this passage was voted on already, or is lost; take another one")
        ballot.chosen = choice
        votes = [_vote(each) for each in self._voted(ballot.client).values()]
        try:
            told = await self._models.do(model_process.tally, votes)
        except TextgenError as error:
            told = {"problem": str(error)}
        return {"writers": ballot.writers, **told}

    async def keep(self, client: str) -> int:
        """Keep the votes of a page with the runs, and return how many are kept there."""
        voted = self._voted(client)
        if not voted:
            raise TextgenError("there are no votes to be kept")
        for name in voted:
            del self._ballots[name]
        try:
            return await self._models.do(model_process.keep_votes, list(map(_vote, voted.values())))
        except BaseException:
            self._ballots |= voted
            raise

    def _voted(self, client: str) -> dict[str, Ballot]:
        return {
            name: each
            for name, each in self._ballots.items()
            if each.client == client and each.chosen is not None
        }

    async def _written(self, entry: int, prompt: str, sampler: str) -> str:
        """Return what an entry writes after a prompt, a few tokens at a time, since others write too."""
        name, seed = secrets.token_hex(8), self._random.randrange(2**32)
        settings = {"length": CHARS + MORE_CHARS, "sampler": sampler, "seed": seed}
        await self._models.do(model_process.begin, name, entry, prompt, settings)
        text, is_over = "", False
        try:
            while not is_over:
                tokens, is_over = await self._models.do(model_process.advance, name)
                text += "".join(token["text"] for token in tokens)
        finally:
            if not is_over:
                self._models.forget(name)
        return cut(text)


def _vote(ballot: Ballot) -> tuple[int | None, int | None, str]:
    """Return who was chosen, who was not, and the sampler."""
    chosen = ballot.chosen or 0
    return ballot.writers[chosen], ballot.writers[1 - chosen], ballot.sampler
