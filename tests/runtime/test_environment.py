"""What a result says about the versions and the hardware that it depends on."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version

import torch

from textgen.runtime.environment import machine, versions


def test_the_versions_are_those_that_are_installed() -> None:
    found = versions()
    assert found["textgen"] == version("textgen-bench")
    assert found["torch"] == version("torch")
    assert found["python"] == platform.python_version()


def test_the_machine_is_this_one() -> None:
    found = machine()
    assert found.processor
    assert (found.num_cores, found.num_threads) == (os.cpu_count(), torch.get_num_threads())
    assert (found.gpu is not None) == torch.cuda.is_available()
