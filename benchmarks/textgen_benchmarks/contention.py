"""Processes that train, and other work beside them."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection

import torch

from textgen.data.corpus import load_corpus
from textgen.runtime.cpu_share import CpuShare
from textgen.runtime.device import choose_device
from textgen.runtime.this_process import keep_freed_memory
from textgen_benchmarks.speed import Ours


def count_forever() -> None:
    """Keep one core busy."""
    while True:
        pass


def multiply_forever() -> None:
    """Keep two threads of torch busy."""
    torch.set_num_threads(2)
    matrix = torch.ones(512, 512)
    while True:
        matrix @ matrix


LOADS: dict[str, list[Callable[[], None]]] = {
    "nothing": [],
    "one busy process": [count_forever],
    "two that multiply matrices": [multiply_forever, multiply_forever],
}
"""Other work on the machine, by its name."""


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One measurement of a training process."""

    num_chars: float
    seconds: float
    cpu_seconds: float
    main_thread_seconds: float
    """CPU time of the thread that calls torch."""
    cpu_share: float
    """What `CpuShare` says."""
    num_threads: int


def serve(connection: Connection, entry: str) -> None:
    """Train for as many seconds as the connection says, each time it does, and answer with a `Sample`."""
    keep_freed_memory()
    text = load_corpus(["lee"]).text[:]
    ours = Ours(entry, text, choose_device("cpu"))
    update = ours.training(1)
    update()  # a warm-up, which starts the threads
    connection.send("ready")
    while True:
        try:
            seconds = connection.recv()
        except EOFError:
            return
        units, share, before = 0, CpuShare(), _times()
        while time.perf_counter() < before[0] + seconds:
            units += update()
        wall, cpu, main_thread = (now - then for now, then in zip(_times(), before, strict=True))
        connection.send(
            Sample(
                num_chars=units * len(text) / len(ours.ids),
                seconds=wall,
                cpu_seconds=cpu,
                main_thread_seconds=main_thread,
                cpu_share=share.value(),
                num_threads=torch.get_num_threads(),
            )
        )


def _times() -> tuple[float, float, float]:
    """Return wall time, CPU time of the process and CPU time of this thread, in seconds."""
    return time.perf_counter(), time.process_time(), time.thread_time()


@contextmanager
def trainee(entry: str, variables: dict[str, str], seconds: float) -> Iterator[Callable[[], Sample]]:
    """Yield a measurement of an entry that is trained in a process with these environment variables."""
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=serve, args=(theirs, entry), daemon=True)
    os.environ.update(variables)
    process.start()
    for name in variables:
        del os.environ[name]
    theirs.close()

    def measure() -> Sample:
        ours.send(seconds)
        sample: Sample = ours.recv()
        return sample

    ours.recv()
    try:
        yield measure
    finally:
        ours.close()
        process.join()


@contextmanager
def paused_load(functions: list[Callable[[], None]]) -> Iterator[list[int]]:
    """Yield ids of processes, stopped until they get SIGCONT, that each run one of the functions."""
    processes = [get_context("spawn").Process(target=function, daemon=True) for function in functions]
    for process in processes:
        process.start()
    time.sleep(5 if processes else 0)  # until they have loaded torch
    ids = [process.pid for process in processes if process.pid]
    send_signal(ids, signal.SIGSTOP)
    try:
        yield ids
    finally:
        for process in processes:
            process.kill()


def send_signal(ids: list[int], number: int) -> None:
    """Send a signal to several processes."""
    for process in ids:
        os.kill(process, number)
