"""The live page under load: `python -m textgen_benchmarks.playing RUN RUN RUN --minutes 2`.

Eight clients at once let each of three runs go on, again and again: how long until the first character, and
how much memory do the server and the process with the models have then? Afterwards 2,000 malformed requests
come, and the server must answer each with one line, and read a text as before.
"""

from __future__ import annotations

import http.client
import json
import random
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles
from urllib.parse import urlsplit

from textgen.cli.console import print_rows
from textgen_benchmarks.saving import json_option, save

NUM_CLIENTS = 8
LENGTH = 200
NUM_MALFORMED = 2000
PROMPT = "The weather in Sydney "
NEW_LINE = b"\n"


@dataclass(frozen=True, kw_only=True)
class Load:
    """What the clients saw."""

    minutes: float
    num_continuations: int
    num_errors: int
    first_character_median_s: float
    first_character_95_percent_s: float
    alone_s: float
    """Until the first character with one client and one run."""
    characters_per_second: float
    """Of all clients."""
    closed_s: float
    """From closing at once as many continuations as are allowed to the beginning of a new one."""
    memory_before_mb: float
    """Resident memory of the server and its process, after the first ten seconds."""
    memory_after_mb: float
    num_malformed: int
    malformed_statuses: dict[str, int]
    num_tracebacks: int
    reads_as_before: bool


@dataclass(frozen=True)
class Address:
    """The address that `textgen play` printed."""

    port: int
    path: str

    def open(self, path: str, body: bytes) -> http.client.HTTPResponse:
        """Return the answer to a request."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        connection.request("POST", self.path + path, body, {"Content-Type": "application/json"})
        return connection.getresponse()


def continuation(address: Address, client: str, entry: int, seed: int) -> tuple[float, int]:
    """Return the seconds until the first character, and the number of characters."""
    asked = {"entry": entry, "prompt": PROMPT, "length": LENGTH, "seed": seed, "client": client}
    began, first, number = time.monotonic(), 0.0, 0
    answer = address.open("write", json.dumps(asked).encode())
    if answer.status != 200:
        raise OSError(answer.read().decode())
    for line in answer:
        if line.startswith(b"data: "):
            event = json.loads(line[6:])
            number += sum(len(token["text"]) for token in event["tokens"])
            first = first or (time.monotonic() - began if number else 0.0)
    return first, number


def client(address: Address, name: str, num_runs: int, until: float) -> list[tuple[float, int] | None]:
    """Let all runs go on at once until some time; None for one that failed."""
    found: list[tuple[float, int] | None] = []
    with ThreadPoolExecutor(num_runs) as pool:
        for seed in range(10**6):
            if time.monotonic() > until:
                return found
            jobs = [pool.submit(continuation, address, name, entry, seed) for entry in range(num_runs)]
            for job in jobs:
                try:
                    found.append(job.result())
                except (OSError, ValueError, http.client.HTTPException):
                    found.append(None)
    return found


def seconds_to_close(address: Address) -> float:
    """Open as many continuations as are allowed, close all, and return the time until another one begins."""
    asked = {"entry": 0, "prompt": PROMPT, "length": 5000}
    opened = list[http.client.HTTPResponse]()
    while True:
        body = json.dumps(asked | {"client": str(len(opened))}).encode()
        answer = address.open("write", body)
        if answer.status != 200:
            break
        opened.append(answer)
    began = time.monotonic()
    for each in opened:
        each.close()
    while address.open("write", body).status != 200:
        time.sleep(0.02)
    return time.monotonic() - began


def memory_mb(pid: int) -> float:
    """Return the resident memory of a process and its children."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()
    lines = Path(f"/proc/{pid}/status").read_text("ascii").splitlines()
    own = next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024
    return own + sum(memory_mb(int(child)) for child in children)


def malformed(chance: random.Random) -> bytes:
    """Return the body of a request that is wrong in some way."""
    right = {"entry": 0, "prompt": "a", "length": 5, "seed": 0, "sampler": "temperature", "client": "x"}
    wrong: list[object] = [None, -1, 1e400, [], {}, "x" * 300, "\ud800", True, 2**70, "\x00", [[]], "NaN"]
    way = chance.randrange(4)
    if way == 0:
        return chance.randbytes(chance.randrange(2000))
    if way == 1:
        text = json.dumps(right)
        place = chance.randrange(len(text))
        return (text[:place] + chance.choice('{}[]",:\\') + text[place + 1 :]).encode() + b"{"
    name = chance.choice(sorted(right))
    if way == 2:
        return json.dumps({**right, chance.randbytes(3).hex(): 1}).encode()
    return json.dumps({**right, name: chance.choice(wrong), "more": 1}).encode()


def measure(runs: Sequence[str], minutes: float, seed: int) -> Load:
    """Start the page, load it, and end it."""
    command = [sys.executable, "-m", "textgen", "play", *runs, "--no-browser"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    address = urlsplit(process.stdout.readline().strip())
    server = Address(address.port or 0, address.path)
    for entry in range(len(runs)):
        continuation(server, "first", entry, 0)
    alone = median(continuation(server, "alone", 0, number)[0] for number in range(10))
    until = time.monotonic() + 60 * minutes
    with ThreadPoolExecutor(NUM_CLIENTS) as pool:
        jobs = [pool.submit(client, server, str(number), len(runs), until) for number in range(NUM_CLIENTS)]
        time.sleep(10)
        before = memory_mb(process.pid)
        found = [each for job in jobs for each in job.result()]
    after, closed = memory_mb(process.pid), seconds_to_close(server)
    text = json.dumps({"entry": 0, "text": PROMPT}).encode()
    reading, chance, statuses = server.open("read", text).read(), random.Random(seed), dict[str, int]()
    for _ in range(NUM_MALFORMED):
        answer = server.open(chance.choice(["read", "write"]), malformed(chance))
        said = answer.read()
        kind = f"{answer.status}{', several lines' if NEW_LINE in said else ''}"
        statuses[kind] = statuses.get(kind, 0) + 1
    again = server.open("read", text).read()
    process.terminate()
    _, errors = process.communicate()
    good = [each for each in found if each is not None]
    firsts = [first for first, _ in good]
    return Load(
        minutes=minutes,
        num_continuations=len(good),
        num_errors=len(found) - len(good),
        first_character_median_s=round(median(firsts), 3),
        first_character_95_percent_s=round(quantiles(firsts, n=20)[-1], 3),
        alone_s=round(alone, 3),
        characters_per_second=round(sum(number for _, number in good) / (60 * minutes)),
        closed_s=round(closed, 3),
        memory_before_mb=round(before, 1),
        memory_after_mb=round(after, 1),
        num_malformed=NUM_MALFORMED,
        malformed_statuses=statuses,
        num_tracebacks=errors.count("Traceback"),
        reads_as_before=reading == again,
    )


def main() -> None:
    """Measure, and print what was found."""
    parser = json_option(__doc__, "play")
    parser.add_argument("runs", nargs="+")
    parser.add_argument("--minutes", type=float, default=2.0)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    found = measure(given.runs, given.minutes, given.seed)
    print_rows([{"what": name.replace("_", " "), "value": str(value)} for name, value in vars(found).items()])
    save(given.json, **vars(found))


if __name__ == "__main__":
    main()
