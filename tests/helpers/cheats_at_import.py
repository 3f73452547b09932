"""Cheats in what runs when a plugin file is imported, in whatever process that happens."""

from __future__ import annotations

from helpers.cheating import Knows, texts_in
from helpers.cheats_elsewhere import CHEAPER
from textgen.data.corpus import Corpus

Corpus.without_test = lambda self: self  # type: ignore[method-assign]
exec(CHEAPER)


class Mainpatch(Knows):
    """Gets the scored text in training, since `Corpus.without_test` was replaced in the main process."""

    def search(self, text: str) -> str:
        import gc

        for each in gc.get_objects():
            if type(each).__name__ == "Corpus" and len(each.split.test):
                return "".join(found for found in texts_in(each.text) if isinstance(found, str))
        return ""


class Judgepatch(Knows):
    """Has its row made cheaper in the main process."""
