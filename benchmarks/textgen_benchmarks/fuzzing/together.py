"""Processes that train together: killed, stopped, terminated, and their ports asked by others."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from random import Random

from textgen_benchmarks.fuzzing.commands import problem
from textgen_benchmarks.fuzzing.kind import Case, Kind, run
from textgen_kit.texts import PROSE

LSTM = "char-lstm:num_layers=1,hidden_size=16,batch_size=8,sequence_length=32,num_validations=2"


def descendants(process: int) -> list[int]:
    """Return the processes that one has started, and those that they have."""
    found: list[int] = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError, ValueError):
            parent = int(path.read_text().rpartition(")")[2].split()[1])
            if parent == process:
                child = int(path.parent.name)
                found += [child, *descendants(child)]
    return found


def ports() -> list[int]:
    """Return the ports of 127.0.0.1 at which some process listens."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return [int(row[1].split(":")[1], 16) for row in rows if row[3] == "0A" and row[1].startswith("0100007F")]


def disturb(chance: Random, begun: float, known: set[int], over: threading.Event) -> str:
    """Do something to the processes, or to the ports that are new since the command began; return what."""
    kind = chance.choice(("kill", "stop", "terminate", "hang up", "garbage", "connect", "store"))
    over.wait(begun)
    if kind in ("kill", "stop", "terminate", "hang up"):
        number = {"kill": 9, "stop": 19, "terminate": 15, "hang up": 1}[kind]
        children = descendants(os.getpid())
        if not children:
            return "nothing"
        child = chance.choice(children)
        with suppress(ProcessLookupError):
            os.kill(child, number)
            if kind == "stop":
                time.sleep(chance.uniform(0.1, 2.0))
                os.kill(child, signal.SIGCONT)
        return kind
    end = time.monotonic() + 6
    held: list[socket.socket] = []
    while time.monotonic() < end and not over.is_set():
        for port in set(ports()) - known:
            with suppress(OSError):
                asked = socket.create_connection(("127.0.0.1", port), timeout=0.5)
                held.append(asked)
                sent = {
                    "garbage": chance.randbytes(chance.choice((1, 8, 100, 5000))),
                    "connect": b"",
                    "store": bytes([chance.randrange(20)])
                    + (2 ** chance.choice((3, 31, 62))).to_bytes(8, "little")
                    + b"x" * 9,
                }
                asked.sendall(sent[kind])
                if chance.random() < 0.5:
                    asked.close()
        time.sleep(0.02)
        held = held[-50:]
    return kind


def trained_together(case: Case) -> str | None:
    """Train by two processes that are disturbed: a result, or one line, within the minute."""
    chance, place = case.chance, case.place
    (place / "text.txt").write_text(PROSE[:3000] * 8, "utf-8")
    over, known = threading.Event(), set(ports())
    done: list[str] = []
    thread = threading.Thread(
        target=lambda: done.append(disturb(chance, chance.uniform(0.0, 4.0), known, over))
    )
    thread.start()
    budget = chance.choice(("100000chars", "300000chars"))
    arguments = [
        "train",
        LSTM,
        "--corpus",
        str(place / "text.txt"),
        "--budget",
        budget,
        "--processes",
        "2",
        "--device",
        "cpu",
        "--precision",
        "fp32",
        "--out",
        str(place / "out"),
    ]
    code, _, stderr = run(arguments)
    over.set()
    thread.join()
    wrong = problem(code, stderr)
    if not wrong and not code and not (place / "out/run.json").is_file():
        wrong = "lost: no run"
    if wrong:
        return f"{wrong}; {done}; {stderr[-400:]!r}"
    if code:  # the same command goes on
        code, _, stderr = run(arguments)
        return f"lost: it cannot go on after {done}: {stderr[-300:]!r}" if code else None
    return None


def computed_by_ray(case: Case) -> str | None:
    """Compare entries on a cluster here whose processes are killed or stopped: a result, or one line."""
    chance, place = case.chance, case.place
    (place / "text.txt").write_text(PROSE[:3000] * 8, "utf-8")
    words = f"bench {LSTM} char-ngram random --budget 30000chars --device cpu --length 20 --on ray".split()
    files = ["--corpus", place / "text.txt", "--out", place / "out"]
    command = [sys.executable, "-m", "textgen", *words, *map(str, files)]
    with (place / "stderr").open("w+") as stderr:
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=stderr)
        done = []
        for _ in range(chance.randint(1, 3)):
            time.sleep(chance.uniform(1.0, 12.0))
            number = chance.choice((signal.SIGKILL, signal.SIGTERM, signal.SIGSTOP))
            victims = descendants(child.pid)
            if victims and child.poll() is None:
                victim = chance.choice(victims)
                with suppress(OSError):
                    done.append(f"{number.name} {Path(f'/proc/{victim}/comm').read_text().strip()}")
                    os.kill(victim, number)
        try:
            code = child.wait(timeout=150)
        except subprocess.TimeoutExpired:
            for victim in (*descendants(child.pid), child.pid):
                with suppress(ProcessLookupError):
                    os.kill(victim, signal.SIGKILL)
            return f"hang: not done after {done}"
        stderr.seek(0)
        said = stderr.read()
    wrong = problem(code, said)
    if not wrong and not code and not (place / "out/bench.json").is_file():
        wrong = "lost: no result"
    return f"{wrong}; {done}; {said[-400:]!r}" if wrong else None


KINDS = (
    Kind("processes together", trained_together, 60, seconds=90),
    Kind("jobs on Ray", computed_by_ray, 20, seconds=240),
)
