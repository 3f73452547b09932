"""The processes that train one model together, which torch calls ranks, and what they exchange.

Outside of `joined` there is one rank, and every function returns what it is given. Inside, all ranks must
call the same functions in the same order.
"""

from __future__ import annotations

import os
import re
import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import torch
from torch import Tensor, distributed, nn

from textgen.contracts import TextgenError
from textgen.runtime.device import DeviceConfig
from textgen.runtime.environment import threads_per_job
from textgen.runtime.messages import one_line
from textgen.runtime.storage.state_files import pack_state, unpack_state
from textgen.training.rank_info import RankInfo

dist: Any = distributed
"""Untyped, since torch does not declare all that it exports."""
TIMEOUT = timedelta(hours=1)
"""The longest time for which a rank waits for another one, which may be preparing its text or validating. One
that dies is noticed at once: its connections close, and whoever started the ranks ends the others."""
HOST = "127.0.0.1"
INTERFACE, LOOPBACK = "GLOO_SOCKET_IFNAME", {"linux": "lo", "darwin": "lo0"}
"""Environment variable with the network interface of gloo, and by system the one of the machine itself."""


class LostRankError(TextgenError):
    """Another rank has ended, or cannot be reached."""


_rank_infos = [RankInfo()]
"""The last one is that of this process, which torch lets join one group of processes at a time."""


def rank() -> int:
    """Return the number of this rank, from 0; the first one validates, saves and reports."""
    return _rank_infos[-1].rank


def world_size() -> int:
    """Return the number of ranks."""
    return _rank_infos[-1].world_size


def use_own_gpu(rank_info: RankInfo) -> None:
    """Let `cuda` mean the GPU of this rank, where there is one for each."""
    if rank_info.local_rank < torch.cuda.device_count():
        torch.cuda.set_device(rank_info.local_rank)


def new_store(world_size: int) -> Any:
    """Return the store at whose `port` the ranks of one machine meet; it listens on `HOST` only."""
    listener = socket.create_server((HOST, 0))
    port = listener.getsockname()[1]
    descriptor = listener.detach()  # the store closes it
    return dist.TCPStore(
        HOST, port, world_size, is_master=True, wait_for_workers=False, master_listen_fd=descriptor
    )


@contextmanager
def joined(rank_info: RankInfo, device_config: DeviceConfig) -> Iterator[None]:
    """Exchange with the other ranks inside the context: by nccl between GPUs, by gloo between CPUs.

    Raises `LostRankError` if they do not come.
    """
    device = device_config.device
    if device.type == "cuda":
        device = torch.device("cuda", torch.cuda.current_device())
    if rank_info.port is not None and sys.platform in LOOPBACK:
        os.environ.setdefault(INTERFACE, LOOPBACK[sys.platform])
    with _exchange():
        store = None if rank_info.port is None else dist.TCPStore(HOST, rank_info.port, is_master=False)
        dist.init_process_group(
            "nccl" if device.type == "cuda" else "gloo",
            timeout=TIMEOUT,
            store=store,
            rank=rank_info.rank,
            world_size=rank_info.world_size,
            device_id=device if device.type == "cuda" else None,
        )
    _rank_infos.append(replace(rank_info, device=str(device)))
    try:
        yield
    finally:
        _rank_infos.pop()
        dist.destroy_process_group()


@contextmanager
def first_rank_first() -> Iterator[None]:
    """Let the other ranks begin what is in the context when the first one has done it, and cached it."""
    if rank() > 0:
        number_of_first(0.0)
    yield
    if rank() == 0:
        number_of_first(0.0)


@contextmanager
def shared_cores() -> Iterator[None]:
    """Let torch use this rank's share of the machine's cores inside the context."""
    if world_size() == 1:
        yield
        return
    before = torch.get_num_threads()
    torch.set_num_threads(threads_per_job(_rank_infos[-1].local_world_size))
    try:
        yield
    finally:
        torch.set_num_threads(before)


def sum_gradients(parameters: Sequence[nn.Parameter], loss: Tensor, numbers: Sequence[float]) -> list[float]:
    """Replace each gradient by its sum over all ranks; return the sums of `loss` and of `numbers`.

    All travel in one buffer. A parameter lacks a gradient afterwards if it lacked one on every rank.
    """
    gradients = [parameter.grad for parameter in parameters]
    has_gradient = [float(each is not None) for each in gradients]
    parts = [
        (torch.zeros_like(parameter) if gradient is None else gradient).flatten()
        for parameter, gradient in zip(parameters, gradients, strict=True)
    ]
    told = torch.tensor([*has_gradient, *numbers], dtype=torch.float32, device=loss.device)
    flat = torch.cat([*parts, told, loss[None]])  # in the widest type of all
    with _exchange():
        dist.all_reduce(flat)
    sizes = [len(part) for part in parts]
    *summed, rest = torch.split(flat, [*sizes, len(told) + 1])
    values = rest.tolist()
    for parameter, gradient, count in zip(parameters, summed, values, strict=False):
        parameter.grad = gradient.view_as(parameter).to(parameter.dtype) if count else None
    return [values[-1], *values[len(parameters) : -1]]


def number_of_first(number: float) -> float:
    """Return the number that the first rank gives."""
    return number if world_size() == 1 else float(state_of(number))


def state_of(state: Any, source: int = 0) -> Any:
    """Return the state that the rank `source` gives: values and tensors, the latter then on the CPU."""
    if world_size() == 1:
        return state
    device = _rank_infos[-1].device
    data = pack_state(state) if rank() == source else b""
    size = torch.tensor([len(data)], device=device)
    with _exchange():
        dist.broadcast(size, source)
    buffer = torch.empty(int(size), dtype=torch.uint8, device=device)
    if data:
        buffer.copy_(torch.frombuffer(bytearray(data), dtype=torch.uint8))
    with _exchange():
        dist.broadcast(buffer, source)
    return unpack_state(buffer.cpu().numpy().tobytes())


def states_of_all(state: Any) -> list[Any]:
    """Return the states that the ranks give, in their order."""
    return [state_of(state, source) for source in range(world_size())]


def require_same_run(identity: str) -> None:
    """Raise `TextgenError` on a rank that is started with something else than the first one."""
    if state_of(identity) != identity:
        raise TextgenError(
            f"process {rank() + 1} of {world_size()} has another entry, text, budget, precision or version "
            "than the first one; start all of them with the same command"
        )


@contextmanager
def _exchange() -> Iterator[None]:
    """Turn the failure of an exchange into `LostRankError`."""
    try:
        yield
    except (RuntimeError, ValueError) as error:
        sentence = one_line(error, with_type=False).partition(". ")[0]
        reason = re.sub(r"^\[\S+\] ", "", sentence)  # without the place in torch's source
        raise LostRankError(f"another process of this training run was lost: {reason}") from None
