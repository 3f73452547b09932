"""How long OpenMP's threads spin is set by the command line, before torch is loaded, and by nothing else."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

SETTINGS = ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")
COMMAND = """
import contextlib, os, sys
sys.argv = ["textgen", "--version"]
from textgen.cli.app import main
assert "torch" not in sys.modules
with contextlib.suppress(SystemExit):
    main()
assert "torch" not in sys.modules
"""


@pytest.mark.parametrize(
    ("code", "given", "found"),
    [
        (COMMAND, {}, ["10000", "None"]),
        (COMMAND, {"GOMP_SPINCOUNT": "7"}, ["7", "None"]),
        (COMMAND, {"OMP_WAIT_POLICY": "passive"}, ["None", "passive"]),
        ("import textgen; textgen.bench", {}, ["None", "None"]),
    ],
)
def test_only_the_command_line_limits_spinning(code: str, given: dict[str, str], found: list[str]) -> None:
    environment = {name: value for name, value in os.environ.items() if name not in SETTINGS} | given
    asked = f"{code}\nimport os\nprint(*map(os.environ.get, {SETTINGS!r}))"
    done = subprocess.run(
        [sys.executable, "-c", asked], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.split()[-2:] == found
