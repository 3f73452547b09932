"""What the tests of a leaderboard share: one that is made once, and a copy of it for each test."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from helpers.boards import make_board
from helpers.shared import made_once


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a text, a plugin, a bench and a leaderboard of its entries."""
    return made_once(tmp_path_factory, "board", make_board)


@pytest.fixture
def board(shared: Path, tmp_path: Path) -> Path:
    """A copy of the leaderboard, with three submissions."""
    return Path(shutil.copytree(shared / "board", tmp_path / "board"))
