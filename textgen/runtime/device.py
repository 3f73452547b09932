"""Device and precision of all computation, and seeded randomness."""

from __future__ import annotations

import contextlib
import functools
import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from textgen.contracts import TextgenError
from textgen.runtime.environment import processor, processor_features
from textgen.runtime.storage.cache import remembered

DEVICES = ("cpu", "cuda", "mps")
CPU = torch.device("cpu")
TORCH_BUILDS = "https://pytorch.org/get-started/locally/"
PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


@dataclass(frozen=True)
class DeviceConfig:
    """A device, and the precision of its matmuls in training (scores are always computed in fp32)."""

    device: torch.device
    precision: str

    @property
    def dtype(self) -> torch.dtype:
        return PRECISIONS[self.precision]

    @contextlib.contextmanager
    def autocast(self) -> Iterator[None]:
        """The context in which a training step runs."""
        onednn: Any = torch.backends.mkldnn
        narrow, enabled = self.precision != "fp32", onednn.enabled
        if narrow and not _onednn_has_lstm(self.dtype):
            onednn.enabled = False  # then torch's own code computes, slowly
        try:
            with torch.autocast(self.device.type, self.dtype, enabled=narrow):
                yield
        finally:
            onednn.enabled = enabled

    def synchronize(self) -> None:
        """Wait until the device has finished its queued work, so that measured times are correct."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        elif self.device.type == "mps":
            torch.mps.synchronize()


def choose_device(
    device: str = "auto", precision: str = "auto", made_with: Iterable[tuple[str, str]] = ()
) -> DeviceConfig:
    """Return the device and precision to use; `auto` is CUDA, MPS or CPU, and bf16 where it is fast,
    which is measured once per machine and kept in the cache.

    `made_with` are the devices and precisions of earlier results, with which `auto` continues. Raises
    `TextgenError` if the device is unknown or absent, or the precision unknown.
    """
    if device == "auto":
        mps = torch.backends.mps.is_available()
        device = "cuda" if torch.cuda.is_available() else "mps" if mps else "cpu"
    if device.partition(":")[0] not in DEVICES:
        raise TextgenError(f"unknown device {device!r}; known: auto, {', '.join(DEVICES)}, cuda:1")
    try:
        chosen = torch.device(device)
        torch.zeros(1, device=chosen)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).partition("\n")[0].partition(". ")[0]  # torch's message has 1000 characters
        if device.startswith("cuda") and not torch.backends.cuda.is_built():  # type: ignore[no-untyped-call]
            reason = f"this build of torch has no CUDA support; install one from {TORCH_BUILDS}"
        raise TextgenError(f"device {device!r} cannot be used: {reason}; try --device cpu") from None
    if precision == "auto":
        earlier = (used for on, used in made_with if on == chosen.type and used in PRECISIONS)
        precision = next(earlier, None) or _best_precision(chosen)
    if precision not in PRECISIONS:
        raise TextgenError(f"unknown precision {precision!r}; known: auto, {', '.join(PRECISIONS)}")
    return DeviceConfig(chosen, precision)


@contextlib.contextmanager
def seeded(seed: int, device: torch.device) -> Iterator[None]:
    """Seed torch's generators with `seed` inside the context, and restore them afterwards."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        yield


@functools.cache
def _onednn_has_lstm(dtype: torch.dtype) -> bool:
    # It has none in bf16 for a CPU without AVX-512, but torch does not ask.
    try:
        with seeded(0, torch.device("cpu")), torch.inference_mode(False), torch.autocast("cpu", dtype):
            output, _ = torch.nn.LSTM(1, 1)(torch.zeros(1, 1, 1))
            output.sum().backward()
    except RuntimeError:
        return False
    return True


def _best_precision(device: torch.device) -> str:
    if device.type == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp16"
    if device.type != "cpu":
        return "fp32"
    machine = (processor(), processor_features(), torch.__version__)
    return remembered("precision", _probed_precision, *machine, "one thread")


def _probed_precision() -> str:
    # A processor's name or flags do not say whether its bf16 is fast: emulated, it is slower than fp32;
    # native, it is two to sixteen times as fast.
    sizes, dtypes = ((256, 256), (256, 1024)), (torch.float32, torch.bfloat16)
    factors = [[torch.ones(size, dtype=dtype) for size in sizes] for dtype in dtypes]
    fp32, bf16 = fastest_times([functools.partial(torch.mm, *pair) for pair in factors])
    return "bf16" if 1.5 * bf16 < fp32 else "fp32"


def fastest_times(works: Sequence[Callable[[], object]]) -> list[float]:
    """Return the undisturbed time of each of `works` in seconds.

    They run in turn and in one thread, and the fastest of many repetitions counts, so that other work on the
    machine does not decide: what is remembered of a busy hour would make every later run slower.
    """
    seconds = [math.inf] * len(works)
    with one_thread():
        for _ in range(20):
            for index, work in enumerate(works):
                start = time.perf_counter()
                work()
                seconds[index] = min(seconds[index], time.perf_counter() - start)
    return seconds


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Let torch compute in one thread: with more, sums may be rounded in another way each time."""
    number = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(number)
