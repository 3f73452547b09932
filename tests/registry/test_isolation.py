"""What a plugin changes for the whole process is put back, so that it cannot change another's result."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import torch

from textgen.registry.isolation import preserve_process_state


def disturb(folder: Path) -> None:
    os.chdir(folder)
    os.environ["TEXTGEN_TEST"] = "1"
    torch.set_default_dtype(torch.float64)
    torch.set_default_device("meta")
    torch.set_grad_enabled(False)
    torch.use_deterministic_algorithms(True)
    torch.set_num_threads(torch.get_num_threads() + 1)


def test_everything_is_restored_even_after_an_error(tmp_path: Path) -> None:
    before = os.getcwd(), torch.get_num_threads()
    with suppress(SystemExit), preserve_process_state():
        disturb(tmp_path)
        raise SystemExit
    assert (os.getcwd(), torch.get_num_threads()) == before
    assert "TEXTGEN_TEST" not in os.environ
    assert torch.get_default_dtype() == torch.float32
    assert torch.is_grad_enabled()
    assert not torch.are_deterministic_algorithms_enabled()
    assert torch.zeros(1).device.type == "cpu"
