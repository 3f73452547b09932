"""What is removed, and what never is."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from helpers.catalog import write_run
from textgen.contracts import TextgenError
from textgen.results.folders import remove_results
from textgen.results.names import find
from textgen.runtime.storage.result_folders import locked

RUN = "word-lstm-wiki-5m-2026-11-25-1700"


def test_each_kind_of_result_is_removed_and_nothing_else(root: Path) -> None:
    names = sorted(path.name for path in root.iterdir())
    while names:
        remove_results(find(f"runs/{names.pop()}", root))
        assert (sorted(path.name for path in root.iterdir()) if root.exists() else []) == names
    assert not root.exists()  # nothing empty is left


def test_a_run_of_a_bench_is_removed_alone(root: Path) -> None:
    remove_results(find("1635/random", root))
    assert sorted(path.name for path in find("1635", root).runs) == ["char-lstm-seed0", "char-lstm-seed1"]


@pytest.mark.parametrize(
    "file",
    [
        *("notes.txt", ".git/config", "runs/mine/data.csv", "runs/.mine/run.json"),
        *("runs/char-lstm-seed0/plot.png", "runs/char-lstm-seed0/deep/run.json", "report.md.bak"),
    ],
)
def test_a_folder_with_a_file_of_the_user_is_left_alone(root: Path, file: str) -> None:
    found = find("1635", root)
    (found.path / file).parent.mkdir(exist_ok=True)
    (found.path / file).write_text("mine")
    before = sorted(found.path.rglob("*"))
    with pytest.raises(TextgenError) as caught:
        remove_results(found)
    assert str(caught.value) == (
        f"{str(found.path)!r} also contains {file!r}, which textgen did not write; "
        "move it away, or remove the folder yourself"
    )
    assert sorted(found.path.rglob("*")) == before


def test_links_are_not_followed(root: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "mine.txt").write_text("mine")
    found = find("1635", root)
    (found.path / "runs" / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(TextgenError, match="also contains 'runs/link'"):
        remove_results(found)
    (tmp_path / "link").symlink_to(found.path.resolve())
    with pytest.raises(TextgenError, match="is a link or the root folder"):
        remove_results(find(str(tmp_path / "link"), root))
    assert (tmp_path / "elsewhere" / "mine.txt").exists()
    assert found.file.exists()


def test_what_a_process_writes_to_is_not_removed(root: Path) -> None:
    bench = find("1635", root)
    for place in (bench.path, bench.path / "runs" / "word-lstm-seed0.partial"):
        for name in ("1635", "1635/random") if place == bench.path else ("1635",):
            with locked(place), pytest.raises(TextgenError, match=r"process \d+ on .* is writing to"):
                remove_results(find(name, root))
    assert len(find("1635", root).runs) == 3
    remove_results(bench)


def test_a_removal_that_is_killed_is_completed_by_the_next(root: Path) -> None:
    code = (
        "import os, shutil, signal, sys\nfrom pathlib import Path\n"
        "from textgen.results.folders import identify\nfrom textgen.results.folders import remove_results\n"
        "shutil.rmtree = lambda _: os.kill(os.getpid(), signal.SIGKILL)\n"
        f"remove_results(identify(Path({str(root / RUN)!r})))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -signal.SIGKILL
    write_run(root / RUN)
    others = [path for path in root.iterdir() if RUN[:9] not in path.name]
    remove_results(find(f"runs/{RUN}", root))
    assert sorted(root.iterdir()) == sorted(others)
