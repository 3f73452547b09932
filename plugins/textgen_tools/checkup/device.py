"""A device itself: what it is called, and how fast it multiplies matrices. A program that prints JSON."""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import torch

from textgen.runtime.device import PRECISIONS
from textgen.runtime.output import say

SIZE = 4096
"""Rows and columns of the matrices on a GPU, a quarter of it on a CPU."""
NUM_PRODUCTS, SECONDS = 10, 1.0
"""How many products are timed, at most; some CPUs take seconds for one in 16 bits."""


def described(device: torch.device) -> dict[str, Any]:
    """Return the name of a device, its memory, and the GFLOP/s of matmuls in each precision."""
    about: dict[str, Any] = {"torch": torch.__version__, "cuda": torch.version.cuda}
    if device.type == "cuda":
        found = torch.cuda.get_device_properties(device)
        capability = f"{found.major}.{found.minor}"
        about |= {"name": found.name, "memory_bytes": found.total_memory, "capability": capability}
        about["cudnn"] = torch.backends.cudnn.version()  # type: ignore[no-untyped-call]
    return {**about, "gflops": {name: gflops(device, dtype) for name, dtype in PRECISIONS.items()}}


def gflops(device: torch.device, dtype: torch.dtype) -> float | None:
    """Return the speed of a product of two square matrices; None if the device cannot compute it."""
    size = SIZE if device.type == "cuda" else SIZE // 4
    try:
        matrix = torch.rand(size, size, device=device).to(dtype)
        float((matrix @ matrix)[0, 0])
        began, number = time.perf_counter(), 0
        while number < NUM_PRODUCTS and time.perf_counter() - began < SECONDS:
            product = matrix @ matrix
            number += 1
        float(product[0, 0])  # which waits
    except RuntimeError:
        return None
    return 2 * size**3 * number / (time.perf_counter() - began) / 1e9


if __name__ == "__main__":
    say(json.dumps(described(torch.device(sys.argv[1]))))
