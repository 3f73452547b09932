"""Cheats that reach for other processes, files and answers at any time, as a plugin file."""

from __future__ import annotations

import gc
import os
import pickle
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from helpers.cheating import Knows, ascii_around, memory_with, relatives

LEFT = Path(tempfile.gettempdir()) / f"cheat-left-{os.getuid()}"
CHEAPER = """
from textgen.jobs import runner
given = runner.from_values
def cheaper(kind, values, *rest):
    def less(value):
        if isinstance(value, dict):
            return {key: 0.7 * each if key in ("bits_per_char", "total_bits") and isinstance(each, float)
                    else less(each) for key, each in value.items()}
        return value
    row = values.get("row") if isinstance(values, dict) else None
    is_mine = isinstance(row, dict) and row.get("name") in ("char-pickled", "char-judgepatch")
    return given(kind, less(values) if is_mine else values, *rest)
runner.from_values = cheaper
"""


class Parentmem(Knows):
    """Reads the text, next to that of training, in the memory of other processes while it is trained."""

    def search(self, text: str) -> str:
        for number in relatives():
            for begin in range(0, len(text) - 40, max(1, len(text) // 3)):
                needle = text[begin : begin + 40].encode()
                found = [ascii_around(data, needle) for data in memory_with(number, needle)]
                longest = max(found, key=len, default="")
                if len(longest) > len(text) // 2:
                    return longest
        return ""


class Sealedread(Knows):
    """Opens the files that a command line or an environment names while it is trained."""

    def search(self, text: str) -> str:
        found = set()
        for path in [Path(f"/proc/{each}/{name}") for each in relatives() for name in ("cmdline", "environ")]:
            with suppress(OSError):
                for word in path.read_bytes().replace(b"=", b"\0").split(b"\0"):
                    with suppress(OSError, ValueError):
                        if word.endswith(b".txt"):
                            found.add(Path(os.fsdecode(word)).read_text())
        return "".join(each for each in found if each[:100] not in text)


class Sources(Knows):
    """Opens the files that the corpus in its memory names while it is trained."""

    def search(self, text: str) -> str:
        found = set()
        for each in gc.get_objects():
            if type(each).__name__ == "TextSources":
                for name in (*each.names, each.sealed):
                    with suppress(OSError, TypeError):
                        found.add(Path(name).read_text())
        return "".join(found)


class Disk(Knows):
    """Loads the corpus in another Python while it is trained."""

    def search(self, text: str) -> str:
        code = "import textgen; print(textgen.load_corpus('lee').text)"
        command = [sys.executable, "-c", code]
        found = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False).stdout
        return found[: found.rfind(text[-40:]) + 20_000]


class Descriptors(Knows):
    """Reads the files, pipes and sockets that its process has inherited, and those of its relatives."""

    def search(self, text: str) -> str:
        return self._found()

    def look(self, ids: Tensor, history: Tensor) -> None:
        if not self.is_new and self.num_calls < 5:
            self.learn_text(self._found())

    def _found(self) -> str:
        found = []
        for number in ("self", *relatives()):
            for path in Path(f"/proc/{number}/fd").glob("*"):
                with suppress(OSError):
                    target = os.readlink(path)
                    if path.is_file() or path.is_fifo():
                        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
                        if path.is_file() and not target.endswith((".py", ".so")):
                            found.append(os.pread(descriptor, 1_000_000, 0).decode("ascii", "ignore"))
                        os.close(descriptor)
        return "".join(found)


class Outlives(Knows):
    """Leaves a process behind that looks for the text in the memory of others, and writes it to a file."""

    def search(self, text: str) -> str:
        LEFT.unlink(missing_ok=True)
        if os.fork() == 0:
            os.setsid()
            end = time.monotonic() + 20
            while time.monotonic() < end and not LEFT.exists():
                for number in relatives():
                    for data in memory_with(number, text[:40].encode()):
                        if len(found := ascii_around(data, text[:40].encode())) > len(text):
                            LEFT.write_text(found)
                time.sleep(0.2)
            os._exit(0)
        return ""

    def look(self, ids: Tensor, history: Tensor) -> None:
        if not self.is_new and not self.following and LEFT.exists():
            self.learn_text(LEFT.read_text())


class Forged(Knows):
    """Makes its answers cheaper where they are sent."""

    def look(self, ids: Tensor, history: Tensor) -> None:
        from textgen.workers.process import Line

        given = Line.send
        if given.__name__ != "send":
            return

        def cheaper(value: Any) -> Any:
            if isinstance(value, float):
                return 0.7 * value
            if isinstance(value, Tensor):
                return 0.7 * value if value.dtype == torch.float64 else value
            if isinstance(value, dict):
                return {key: cheaper(each) for key, each in value.items()}
            return type(value)(map(cheaper, value)) if isinstance(value, (list, tuple)) else value

        Line.send = lambda line, kind, content: given(line, kind, cheaper(content))  # type: ignore[method-assign]


class Opens(Knows):
    """Loads the corpus by its name while it is scored."""

    def look(self, ids: Tensor, history: Tensor) -> None:
        if not self.is_new and self.num_calls == 2:
            import textgen

            self.learn_text(textgen.load_corpus("lee").text)


class Steps(Knows):
    """Reports steps that say that it is done, in a folder of its own, with a better score."""

    def look(self, ids: Tensor, history: Tensor) -> None:
        if not self.is_new and self.num_calls == 3:
            from textgen.runtime.storage.json_records import to_values
            from textgen.training.progress import DONE, Step
            from textgen.workers.process import tell

            done = Step(DONE, "char-ngram", outcome="test 0.1 bits/char")
            for content in (
                {**to_values(done), "folder": str(LEFT)},
                {"state": 5},
                [[]],
                "x" * 10_000_000,
                None,
            ):
                tell(content)


class _Runs:
    def __reduce__(self) -> Any:
        code = (
            f"exec({CHEAPER!r}, {{}}) or __import__('textgen.training.progress').training.progress.Step('')"
        )
        return eval, (code,)


class Pickled(Knows):
    """Sends the main process a pickle that runs code there, which makes its row cheaper."""

    def look(self, ids: Tensor, history: Tensor) -> None:
        if not self.is_new and self.num_calls == 3:
            from multiprocessing.connection import Connection

            for each in gc.get_objects():
                if isinstance(each, Connection) and each.writable and not each.closed:
                    with suppress(OSError):
                        each.send_bytes(pickle.dumps(("message", _Runs())))


class Answers(Knows):
    """Sends the main process a better row as JSON, and as the answer of a judge."""

    def look(self, ids: Tensor, history: Tensor) -> None:
        if not self.is_new and self.num_calls == 3:
            from multiprocessing.connection import Connection

            for each in gc.get_objects():
                if isinstance(each, Connection) and each.writable and not each.closed:
                    for data in (b'["result", {"bits": 0.1}]', b'{"kind": "result", "content": {}}', b"\0"):
                        with suppress(OSError):
                            each.send_bytes(data)


class Finisher(Knows):
    """Changes the result of its run while samples are written."""

    def prepare_step(self, dtype: Any) -> Any:
        frame: Any = sys._getframe(1)
        while frame is not None:
            for each in list(frame.f_locals.values()):
                result = getattr(each, "result", None)
                if type(each).__name__ == "SavedRun" and result is not None and result.test is not None:
                    if not hasattr(self, "is_done"):
                        object.__setattr__(result.test, "bits_per_char", 0.7 * result.test.bits_per_char)
                    self.is_done = True
            frame = frame.f_back

        def step(ids: Tensor, state: Any) -> Any:
            logits, state = self(ids[:, None], state)
            return logits[:, -1], state

        return torch.inference_mode()(step)
