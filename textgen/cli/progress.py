"""Progress of long work on stderr, when stderr is a terminal."""

from __future__ import annotations

from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeRemainingColumn

from textgen.training.progress import Progress as TrainProgress


class ProgressDisplay:
    """A context in which `display(step, progress)` redraws one line per entry; silent when piped."""

    def __init__(self) -> None:
        self._bars = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=20),
            TextColumn("{task.fields[numbers]}", markup=False),
            TimeRemainingColumn(compact=True),
            console=Console(stderr=True),
            disable=not Console(stderr=True).is_terminal,
        )
        self._step = ""
        self._task: TaskID | None = None

    def __enter__(self) -> ProgressDisplay:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def __call__(self, step: str, progress: TrainProgress | None) -> None:
        """Show the current step and, in training, its progress: bits per character and speed."""
        if self._task is None or step != self._step:
            if self._task is not None:
                self._bars.update(self._task, visible=progress is None and ":" not in self._step)
            self._task = self._bars.add_task(step, total=None, numbers="")
            self._step = step
        if progress is not None:
            speed = progress.num_chars / max(progress.seconds, 1e-9)
            numbers = f"{progress.train_bits_per_char:.3f} bits/char  {speed:,.0f} chars/s"
            self._bars.update(self._task, total=1.0, completed=min(progress.fraction, 1.0), numbers=numbers)
