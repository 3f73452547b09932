"""`textgen play` in a process of its own, and requests that any program here could make."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from helpers.commands import run_textgen

SMALL = ":num_layers=1,hidden_size=16,batch_size=4,sequence_length=16,num_validations=2"
ENTRIES = (f"char-lstm{SMALL},snapshots=true", "word-ngram")


def run_folders(folder: Path) -> list[Path]:
    """The folders of the runs that `trained_runs` makes in a folder."""
    return [folder / entry.partition(":")[0] for entry in ENTRIES]


def trained_runs(folder: Path) -> None:
    """Make a run over characters, with two snapshots, and one over words, on the same text."""
    for entry, run in zip(ENTRIES, run_folders(folder), strict=True):
        budget = ("--budget", "8000chars") if "lstm" in entry else ()
        text = ("--corpus", "lee", "--max-chars", 100_000)
        run_textgen("train", entry, *text, *budget, "--device", "cpu", "--out", run)


@dataclass
class Server:
    """A server, known by its address."""

    address: str
    process: subprocess.Popen[str]

    def open(
        self,
        path: str,
        body: Any = None,
        *,
        raw: bytes | None = None,
        method: str = "",
        token: str | None = None,
        **headers: str,
    ) -> http.client.HTTPResponse:
        """Send `body` as JSON, or `raw` unchanged, and return the response before its body is read.

        Closing its connection is leaving the page.
        """
        url = urlsplit(self.address)
        connection = http.client.HTTPConnection("127.0.0.1", url.port, timeout=60)
        prefix = url.path.rstrip("/") if token is None else f"/{token}"
        sent = raw if raw is not None else None if body is None else json.dumps(body).encode()
        given = {"Connection": "close"}
        given |= {"Content-Type": "application/json"} if sent is not None else {}
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method or ("GET" if sent is None else "POST"), f"{prefix}/{path}", sent, given)
        return connection.getresponse()

    def ask(self, path: str, body: Any = None, **options: Any) -> tuple[int, Any]:
        with self.open(path, body, **options) as answer:
            said, is_json = answer.read(), answer.headers.get_content_type() == "application/json"
            return answer.status, json.loads(said) if is_json else said

    def events(self, path: str, body: Any) -> Iterator[dict[str, Any]]:
        """Yield what is streamed while a text is continued."""
        with self.open(path, body) as answer:
            assert answer.status == 200, answer.read()
            for line in answer:
                if line.startswith(b"data: {"):
                    yield json.loads(line[6:])


@contextmanager
def started(command: str, *arguments: str | Path, **options: Any) -> Iterator[subprocess.Popen[str]]:
    """The process of a command of textgen on the CPU, until the end of the block."""
    given = [sys.executable, "-m", "textgen", command, *map(str, arguments), "--device", "cpu"]
    process = subprocess.Popen(given, stdout=subprocess.PIPE, text=True, **options)
    try:
        yield process
    finally:
        process.terminate()
        process.communicate()


@contextmanager
def served(*runs: Path, stderr: int | None = None) -> Iterator[Server]:
    """The live page of these runs, until the end of the block."""
    with started("play", *runs, "--no-browser", stderr=stderr) as process:
        assert process.stdout is not None
        yield Server(process.stdout.readline().strip(), process)


def children(process: int) -> list[int]:
    threads = Path(f"/proc/{process}/task").glob("*/children")
    return [int(child) for thread in threads for child in thread.read_text().split()]
