"""The console that draws with rich: text is neither markup nor able to steer the terminal."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from textgen.runtime.output import results, visible


class VisibleConsole(Console):
    """Console that shows control characters as `visible` text, without markup or links."""

    def __init__(self, *, stderr: bool = False) -> None:
        file = None if stderr else results()
        super().__init__(file=file, stderr=stderr, markup=False, highlight=False, emoji=False)

    def render_str(self, text: str, **options: Any) -> Text:
        """Return a string as it is drawn, so that columns are measured with its escapes."""
        return super().render_str(visible(text), **options)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Yield the segments of anything that can be drawn."""
        for text, style, control in super().render(renderable, options):
            if control:  # moves the cursor; by rich itself
                yield Segment(text, style, control)
            else:
                yield Segment(visible(text), style and style.update_link(None))
