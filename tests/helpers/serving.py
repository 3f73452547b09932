"""`textgen serve` in a process of its own, and requests to it as any program here could make them."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from helpers.playing import Server


@dataclass
class Api(Server):
    """A server, known by its address and key."""

    key: str

    def open(self, path: str = "completions", body: Any = None, **options: Any) -> http.client.HTTPResponse:
        """Send a request as to a page, with the key."""
        return super().open(path, body, **{"token": "v1", "Authorization": f"Bearer {self.key}"} | options)

    def ask(self, path: str = "completions", body: Any = None, **options: Any) -> tuple[int, Any]:
        """Return the status and the JSON of an answer to a request, which `open` makes."""
        with self.open(path, body, **options) as answer:
            return answer.status, json.loads(answer.read())

    def events(self, body: Any) -> Iterator[dict[str, Any]]:
        """Yield the events of a stream until its end, which must come."""
        with self.open("completions", {"stream": True} | body) as answer:
            assert answer.status == 200
            for line in answer:
                if line == b"data: [DONE]\n":
                    return
                if line.startswith(b"data: "):
                    yield json.loads(line[6:])
        raise AssertionError("the stream has no end")


@contextmanager
def serving(*runs: Path, key: str = "", options: tuple[str, ...] = ()) -> Iterator[Api]:
    """A server of these runs, until the end of the block."""
    command = [sys.executable, "-m", "textgen", "serve", *map(str, runs), "--device", "cpu", *options]
    variables = os.environ | {"TEXTGEN_API_KEY": key}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=variables)
    try:
        assert process.stdout is not None
        said = dict(process.stdout.readline().strip().split(maxsplit=1) for _ in range(3))
        yield Api(said["address"], process, key or said["key"])
    finally:
        process.terminate()
        process.communicate()
