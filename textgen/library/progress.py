"""Progress of long work: a line per entry, redrawn on a terminal or in a notebook, otherwise a plain log."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event, Thread
from types import TracebackType

import torch
from rich.live import Live
from rich.text import Text

from textgen.experiment.forecast import Forecast, measured_pace
from textgen.library.console import VisibleConsole
from textgen.reports.formats import CurvePoint, short, sparkline
from textgen.runtime.environment import threads_beside_others
from textgen.runtime.messages import about, clock
from textgen.runtime.output import note, visible
from textgen.training.progress import DONE, FAILED, Report, Step, ignore_report

FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
REDRAWS_PER_SECOND = 8
LOG_SECONDS = 15.0
"""The longest time without a line where lines are not redrawn."""
CURVE_WIDTH = 8
MIN_NAME, MAX_NAME, OTHER_CELLS = 12, 40, 62
"""Widths of names, and of what is beside them in a line."""
BUSY = (
    "other processes keep all cores of this machine busy, so training is slower than usual, for some entries "
    "more than for others"
)
"""A remark before the work."""


@contextmanager
def shown(report: Report | bool | None) -> Iterator[Report]:
    """Yield the function that is told the steps: `report` itself, or one that displays or ignores them.

    None displays them on a terminal and in a notebook, where somebody waits.
    """
    if callable(report):
        yield report
    elif report or (report is None and (sys.stderr.isatty() or is_notebook())):
        with ProgressDisplay() as display:
            yield display
    else:
        yield ignore_report


@dataclass
class ProgressLine:
    """Progress of one entry, or of a step that is for all entries."""

    name: str
    began: float
    step: Step
    """The latest one."""
    text: str = ""
    """What the entry wrote last, in training."""
    curve: list[CurvePoint] = field(default_factory=list)
    """Shares of the budget, and the validation scores at them."""
    chars_per_second: float | None = None
    ended: float | None = None

    def take(self, step: Step, now: float) -> None:
        """Take over what a step says."""
        if step.text:
            self.text = step.text
            return
        self.step = step
        if (progress := step.progress) is not None:
            self.chars_per_second = progress.num_chars / max(progress.seconds, 1e-9)
            if progress.validation_bits_per_char is not None:
                self.curve.append((progress.fraction, progress.validation_bits_per_char))
        if step.state in (DONE, FAILED):
            self.ended = now

    @property
    def state(self) -> str:
        """The current step with its share that is done, or how long all took."""
        if self.ended is not None:
            return f"done in {clock(self.ended - self.began)}"
        return self.doing

    @property
    def doing(self) -> str:
        """The current step with its share that is done."""
        fraction = self.step.progress.fraction if self.step.progress else self.step.fraction
        percent = "" if fraction is None else f" {min(fraction, 1.0):.0%}"
        return f"{self.step.state}{percent}"

    @property
    def latest_score(self) -> str:
        """The last score on validation; empty before the first one."""
        return f"validation {self.curve[-1][1]:.3f}" if self.curve else ""

    @property
    def score(self) -> str:
        """The outcome, or until there is one the curve on validation with its last score."""
        scores = [score for _, score in self.curve]
        drawn = ""
        if scores:
            drawn = sparkline(self.curve, self.curve[-1][0], min(scores), max(scores), CURVE_WIDTH)
        outcome = self.step.outcome.removesuffix(" bits/char") or self.latest_score
        return f"{drawn:{CURVE_WIDTH}} {outcome}"

    @property
    def speed(self) -> str:
        """The speed of training, if it is known."""
        return "" if self.chars_per_second is None else f"{short(self.chars_per_second)} chars/s"


class ProgressDisplay:
    """A context in which `display(step)` shows the step, in a notebook or on stderr; silent if `quiet`."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._console = VisibleConsole(stderr=True)
        self._update_cell = None if quiet else _output_of_cell()
        can_redraw = self._console.is_terminal and not self._console.is_dumb_terminal
        self._is_drawn = can_redraw and not quiet and self._update_cell is None
        self._is_logged = not can_redraw and not quiet and self._update_cell is None
        self._updated = 0.0
        self._lines: dict[str, ProgressLine] = {}
        self._latest = Step("starting")
        self._began = time.monotonic()
        self._forecast = Forecast() if quiet else Forecast(measured_pace())
        self._is_over = False
        self._logged: set[tuple[str, int, str]] = set()
        self._last_said = self._began
        self._has_left = Event()
        self._live = Live(
            get_renderable=self._draw, console=self._console, refresh_per_second=REDRAWS_PER_SECOND
        )

    def __enter__(self) -> ProgressDisplay:
        if self._is_drawn:
            self._live.start()
        if threads_beside_others() < torch.get_num_threads():
            self._say(BUSY)
        if self._is_logged:
            Thread(target=self._watch, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._has_left.set()
        if kind is None:
            self._end_lines(list(self._lines.values()))
        self._is_over = True
        if self._update_cell is not None:
            self._update_cell(self._draw().plain)
        if self._is_drawn:
            self._live.stop()

    def __call__(self, step: Step) -> None:
        """Show a step."""
        now, name = time.monotonic(), step.entry or step.state
        self._forecast.take(step, now)
        if step.remark:
            at = f"[{clock(now - self._began)}] {step.entry} " if step.entry else ""
            self._say(at + step.remark)
        if step.stages:
            whole = about(self._forecast.seconds_left(now) or 0.0)
            self._say(whole + (f" for {step.total} entries" if step.total > 1 else ""))
        if not step.state:
            return
        line = self._lines.get(name)
        if line is None or line.ended is not None or line.step.index != step.index:
            line = self._lines[name] = ProgressLine(name, now, step)
        line.take(step, now)
        self._latest = step
        self._end_lines([each for each in self._lines.values() if each is not line])
        if self._is_logged:
            self._log(step)
        if self._update_cell is not None and now - self._updated > 1 / REDRAWS_PER_SECOND:
            self._updated = now
            self._update_cell(self._draw().plain)

    def _end_lines(self, lines: list[ProgressLine]) -> None:
        for line in lines:
            line.ended = line.ended or time.monotonic()

    def _say(self, text: str) -> None:
        """Print a line that stays above what is redrawn."""
        if self._is_drawn:
            self._live.console.print(text, soft_wrap=True)  # a command in it can be pasted
        elif self._is_logged:
            self._last_said = time.monotonic()
            note(text)

    def _log(self, step: Step) -> None:
        """Print what is new of the entries, such as validation once, and what follows them."""
        key = (step.entry, step.index, step.state)
        if key in self._logged or step.state == "starting" or not (step.entry or self._logged):
            return
        self._logged.add(key)
        self._log_latest(time.monotonic())

    def _watch(self) -> None:
        while not self._has_left.wait(1.0):
            self.break_silence(time.monotonic())

    def break_silence(self, now: float) -> None:
        """Print a line of the step at work if there was none for `LOG_SECONDS`."""
        if now - self._last_said >= LOG_SECONDS:
            self._log_latest(now)

    def _log_latest(self, now: float) -> None:
        """Print a line of the latest step: how much of it is done, the score so far and the time left."""
        step = self._latest
        line = self._lines.get(step.entry or step.state)
        of = f" ({step.index} of {step.total})" if step.index and step.total > 1 else ""
        parts = [f"{step.entry}{of}: " * bool(step.entry) + (line.doing if line else step.state)]
        if step.state in (DONE, FAILED):
            parts += filter(None, [step.outcome])
        else:
            parts += filter(None, [line.latest_score if line else "", self._time_left(now)])
        self._last_said = now
        note(f"[{clock(now - self._began)}] {', '.join(parts)}")

    def _draw(self) -> Text:
        """Return a line for each entry so far, and what is left."""
        lines, size = list(self._lines.values()), self._console.size
        if not self._is_over:
            lines = lines[-max(1, size.height - 4) :]
        room = max(MIN_NAME, min(MAX_NAME, size.width - OTHER_CELLS))
        room = min(room, max((len(line.name) for line in lines if line.step.entry), default=0))
        rows = [self._row(line, room, size.width) for line in lines]
        if self._latest.progress and (written := self._latest_text()):
            rows.append(Text(visible(written)[: size.width - 2], "dim italic"))
        if below := self._below():
            rows.append(Text(below, "dim"))
        return Text("\n", no_wrap=True, overflow="crop").join(rows)

    def _latest_text(self) -> str:
        """Return what the entry in training wrote last, in one line."""
        return " ".join(self._lines[self._latest.entry].text.split())

    def _row(self, line: ProgressLine, room: int, width: int) -> Text:
        frame = FRAMES[int(time.monotonic() * REDRAWS_PER_SECOND) % len(FRAMES)]
        mark, style = ("·", "") if self._is_over else (frame, "bold")
        if line.ended is not None:
            mark, style = ("✗", "red") if line.step.state == FAILED else ("✓", "green")
        if not line.step.entry:
            text = line.name
        elif line.step.state == FAILED:
            text = f"{_cropped(line.name, room):{room}}  failed: {line.step.outcome}"
        else:
            cells = f"{line.state:15}  {line.score:{CURVE_WIDTH + 17}}  {line.speed}"
            text = f"{_cropped(line.name, room):{room}}  {cells}"
        return Text.assemble((mark, style), " ", visible(text.rstrip())[: width - 2])

    def _below(self) -> str:
        """Return which entry is at work, and how long everything still takes."""
        if self._is_over:
            return ""
        step = self._latest
        parts = [f"entry {step.index} of {step.total}"] if step.index and step.total > 1 else []
        return ", ".join(filter(None, [*parts, self._time_left(time.monotonic())]))

    def _time_left(self, now: float) -> str:
        """Return how long everything still takes, if that is known."""
        seconds = self._forecast.seconds_left(now)
        return f"{about(seconds)} left" if seconds is not None and seconds > 1 else ""


def _output_of_cell() -> Callable[[str], None] | None:
    """Return what replaces the text below the current cell, if this is a notebook."""
    if not is_notebook():
        return None
    from IPython.display import display

    handle = display({"text/plain": ""}, raw=True, display_id=True)
    return lambda text: handle.update({"text/plain": text}, raw=True)


def is_notebook() -> bool:
    """Return whether this process is the kernel of a notebook."""
    shell = (ipython := sys.modules.get("IPython")) and ipython.get_ipython()
    return hasattr(shell, "kernel")


def _cropped(name: str, width: int) -> str:
    """Return a name without its middle if it is too long."""
    half = (width - 1) // 2
    return name if len(name) <= width else f"{name[: width - 1 - half]}…{name[len(name) - half :]}"
