"""`textgen serve` under load: `python -m textgen_benchmarks.serving RUN RUN RUN --text FILE --minutes 2`.

Eight clients at once stream, read, stop at texts and leave early: errors, the time until the first token and
memory. Log-probabilities of a text, summed, against the bits of `textgen score`. Then malformed requests,
each of which must get an error in the form of the API.
"""

from __future__ import annotations

import http.client
import json
import math
import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from textgen.cli.console import print_rows
from textgen_benchmarks.playing import memory_mb
from textgen_benchmarks.saving import json_option, save

NUM_CLIENTS, NUM_MALFORMED = 8, 2000
KEY = "key-of-this-measurement"
PROMPTS = ("ROMEO:\n", "The king ", "My lord,", "zxqv naïve 😀", "What is the city but the people? " * 20)
WAYS = ("stream", "plain", "echo", "stop", "leave")
VALUES: tuple[Any, ...] = (
    *(None, True, 0, -1, 2**63, 10**30, 1e308, 0.5, "", "a", "\x00", "😀", "a" * 30_000),
    *([], {}, [[]], [None], ["a", 1], [-1], ["a"] * 500, {"a": 1}, "NaN", [True]),
)
FIELDS = ("model", "prompt", "max_tokens", "temperature", "top_p", "n", "best_of", "stream", "stream_options",
          "logprobs", "echo", "stop", "seed", "user", "presence_penalty", "logit_bias", "suffix", "top_k",
          "messages")  # fmt: skip
RAW = (b"", b"null", b"[" * 100_000, b'{"prompt":"\\ud800"}', b'{"temperature":NaN}', b'{"n":1e400}', b"\xff",
       '{"prompt":"a"}'.encode("utf-16"), b"{'prompt':'a'}", b'{"prompt":"a",}')  # fmt: skip


@dataclass(frozen=True)
class Server:
    """A server that answers on a port."""

    port: int
    models: Sequence[str]

    def ask(self, body: bytes, path: str = "completions", **headers: str) -> http.client.HTTPResponse:
        """Return the answer to a request, before its body is read."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        sent = {"Content-Type": "application/json", "Authorization": f"Bearer {KEY}", "Connection": "close"}
        connection.request("POST", f"/v1/{path}", body, sent | headers)
        return connection.getresponse()

    def completion(self, **asked: Any) -> dict[str, Any]:
        """Return a completion; raises `OSError` if it is refused."""
        answer = self.ask(json.dumps(asked).encode())
        told: dict[str, Any] = json.loads(answer.read())
        if answer.status != 200:
            raise OSError(told)
        return told


def request(server: Server, way: str, chance: random.Random) -> float | None:
    """Make one request, and return the seconds until the first token of a stream; raises if it is wrong."""
    asked: dict[str, Any] = {
        "model": chance.choice(server.models),
        "prompt": chance.choice(PROMPTS),
        "seed": chance.randrange(3),
        "max_tokens": 100,
    }
    began = time.monotonic()
    if way in ("stream", "leave"):
        length = 10_000 if way == "leave" else 100
        answer = server.ask(json.dumps(asked | {"stream": True, "max_tokens": length}).encode())
        events = (line for line in answer if line.startswith(b"data: "))
        next(events)
        first = time.monotonic() - began
        last = [next(events) for _ in range(3)] if way == "leave" else list(events)
        answer.close()
        if way == "stream" and last[-1].strip() != b"data: [DONE]":
            raise OSError("the stream has no end")
        return first if way == "stream" else None
    if way == "echo":
        read = server.completion(**asked | {"max_tokens": 0, "echo": True, "logprobs": 5})["choices"][0]
        if read["text"] != asked["prompt"] or None in read["logprobs"]["token_logprobs"]:
            raise OSError("the prompt does not come back")
        return None
    told = server.completion(**asked, stop=["\n", " the"] if way == "stop" else None)["choices"][0]
    if way == "stop" and ("\n" in told["text"] or " the" in told["text"]):
        raise OSError("it went on behind a stop text")
    return None


def client(server: Server, number: int, until: float) -> tuple[Counter[str], list[str], list[float]]:
    """Ask until some time; return the requests by their way, the errors, and the seconds to first tokens."""
    chance, made, errors, firsts = random.Random(number), Counter[str](), list[str](), list[float]()
    while time.monotonic() < until:
        way = chance.choice(WAYS)
        try:
            first = request(server, way, chance)
            firsts += [] if first is None else [first]
            made[way] += 1
        except (OSError, ValueError, KeyError, StopIteration, http.client.HTTPException) as error:
            errors.append(f"{way}: {error!r}"[:200])
    return made, errors, firsts


def difference_of_bits(server: Server, model: str, run: str, text: Path) -> dict[str, Any]:
    """Return the bits of a text by its log-probabilities, and by `textgen score`."""
    asked = {"model": model, "prompt": text.read_text("utf-8"), "max_tokens": 0, "echo": True, "logprobs": 0}
    logprobs = server.completion(**asked)["choices"][0]["logprobs"]["token_logprobs"]
    command = [
        sys.executable,
        "-m",
        "textgen",
        "score",
        run,
        str(text),
        "--clean",
        "raw",
        "--json",
        "--quiet",
    ]
    ended = subprocess.run([*command, "--device", "cpu"], capture_output=True, text=True, check=True)
    score = json.loads(ended.stdout)
    served, scored = -sum(logprobs) / math.log(2), score["bits_per_char"] * score["num_chars"]
    return {"model": model, "num_chars": score["num_chars"], "bits": scored, "difference": served - scored}


def malformed(chance: random.Random, model: str) -> tuple[bytes, str, dict[str, str]]:
    """Return the body, path and headers of a request that may be wrong in several ways."""
    right: dict[str, Any] = {"model": model, "prompt": "a", "max_tokens": 2}
    body, path, headers = json.dumps(right).encode(), "completions", dict[str, str]()
    way = chance.randrange(6)
    if way == 0:
        body = chance.randbytes(chance.randrange(500))
    elif way == 1:
        body = chance.choice(RAW)
    elif way == 2:
        path = chance.choice(["", "chat/completions", "embeddings", "completions/x", "%00", "a" * 3000])
    elif way == 3:
        wrong = [("Authorization", "Bearer x"), ("Host", "evil"), ("Origin", "https://evil.example")]
        headers = dict([chance.choice([*wrong, ("Content-Type", "text/plain")])])
    else:
        changed = {chance.choice(FIELDS): chance.choice(VALUES) for _ in range(chance.randrange(1, 4))}
        body = json.dumps(right | changed).encode()
    return body, path, headers


def statuses_of_malformed(server: Server, seed: int) -> Iterator[tuple[str, bool]]:
    """Yield the status of each request, and whether an error has the form of the API."""
    chance = random.Random(seed)
    for _ in range(NUM_MALFORMED):
        body, path, headers = malformed(chance, server.models[0])
        answer = server.ask(body, path, **headers)
        said = answer.read()
        if answer.status == 200:
            yield "200, since it was valid", True
            continue
        try:
            fits = set(json.loads(said)["error"]) == {"message", "type", "param", "code"}
        except (ValueError, KeyError, TypeError):
            fits = False
        yield str(answer.status), fits and 400 <= answer.status < 500


def measure(runs: Sequence[str], text: Path, minutes: float, seed: int) -> dict[str, Any]:
    """Start the server, load it, and end it."""
    command = [sys.executable, "-m", "textgen", "serve", *runs, "--device", "cpu", "--port", "0"]
    environment = {**os.environ, "TEXTGEN_API_KEY": KEY}
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    )
    assert process.stdout is not None
    told = dict(process.stdout.readline().split(maxsplit=1) for _ in range(3))
    server = Server(
        int(told["address"].rsplit(":", 1)[1].partition("/")[0]), told["models"].strip().split(", ")
    )
    for way in WAYS * len(runs):
        request(server, way, random.Random(seed))
    before, until = memory_mb(process.pid), time.monotonic() + 60 * minutes
    with ThreadPoolExecutor(NUM_CLIENTS) as pool:
        found = list(pool.map(lambda number: client(server, number, until), range(NUM_CLIENTS)))
    after = memory_mb(process.pid)
    bits = [difference_of_bits(server, *pair, text) for pair in zip(server.models, runs, strict=True)]
    answers = list(statuses_of_malformed(server, seed))
    request(server, "plain", random.Random(seed))
    process.terminate()
    _, said = process.communicate()
    firsts = [first for _, _, own in found for first in own]
    errors = [error for _, own, _ in found for error in own]
    return {
        "minutes": minutes,
        "num_requests": dict(sum((made for made, _, _ in found), Counter[str]())),
        "num_errors": len(errors),
        "errors": errors[:10],
        "first_token_median_s": round(median(firsts), 3),
        "first_token_95_percent_s": round(quantiles(firsts, n=20)[-1], 3),
        "memory_before_mb": round(before, 1),
        "memory_after_mb": round(after, 1),
        "bits": bits,
        "num_malformed": len(answers),
        "malformed_statuses": dict(Counter(status for status, _ in answers)),
        "num_of_another_form": sum(not fits for _, fits in answers),
        "num_tracebacks": said.count("Traceback"),
    }


def main() -> None:
    """Measure, and print what was found."""
    parser = json_option(__doc__, "serve")
    parser.add_argument("runs", nargs="+")
    parser.add_argument("--text", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=2.0)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    found = measure(given.runs, given.text, given.minutes, given.seed)
    print_rows([{"what": name.replace("_", " "), "value": str(value)} for name, value in found.items()])
    save(given.json, **found)


if __name__ == "__main__":
    main()
