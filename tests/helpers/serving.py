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
from urllib.parse import urlsplit


@dataclass
class Api:
    """A server, known by its address and key."""

    address: str
    key: str
    process: subprocess.Popen[str]

    @property
    def port(self) -> int:
        """Its port on 127.0.0.1."""
        return urlsplit(self.address).port or 0

    def open(
        self,
        path: str = "completions",
        body: Any = None,
        *,
        raw: bytes | None = None,
        method: str = "",
        **headers: str,
    ) -> http.client.HTTPResponse:
        """Send `body` as JSON, or `raw` unchanged, and return the response before its body is read."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        sent = raw if raw is not None else None if body is None else json.dumps(body).encode()
        given = {"Connection": "close", "Authorization": f"Bearer {self.key}"}
        given |= {"Content-Type": "application/json"} if sent is not None else {}
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method or ("GET" if sent is None else "POST"), f"/v1/{path}", sent, given)
        return connection.getresponse()

    def ask(self, path: str = "completions", body: Any = None, **options: Any) -> tuple[int, Any]:
        """Return the status and the JSON of an answer to a request, which `open` makes."""
        with self.open(path, body, **options) as answer:
            return answer.status, json.loads(answer.read())

    def events(self, body: dict[str, Any]) -> Iterator[dict[str, Any]]:
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
        yield Api(said["address"], key or said["key"], process)
    finally:
        process.terminate()
        process.communicate()
