"""The live page as a widget of Jupyter."""

from __future__ import annotations

from typing import Any

from anywidget import AnyWidget
from traitlets import Unicode

from textgen_play.client import Client
from textgen_play.page import asset
from textgen_play.server import Relay, unguarded


class PlayWidget(AnyWidget):  # type: ignore[misc]
    """The live page of some runs, in a frame; what it asks, the kernel answers.

    The process with the models ends when no cell shows the page any longer; it starts again when one asks.
    """

    _esm = asset("play_widget.js")
    page = Unicode().tag(sync=True)

    def __init__(self, models: Client, page: str) -> None:
        self._use(models)
        super().__init__(page=page, _view_count=0)
        self.observe(self._rest, "_view_count")
        self.on_msg(lambda _, message, __: self._relay.take(message))

    def _use(self, models: Client) -> None:
        self._models = models
        self._relay = Relay(unguarded(models), lambda said, part: self.send(said, [part]))

    def _rest(self, change: Any) -> None:
        if change.old and not change.new:
            self._models.close()
            self._use(self._models.again())

    def close(self) -> None:
        """End the process with the models, and remove the page from its cells."""
        self._models.close()
        super().close()
