"""Another user of the machine cannot reach the processes that compute, by whatever it does beforehand."""

from __future__ import annotations

import os
import subprocess
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from socket import gethostname
from tempfile import TemporaryDirectory

import pytest

from textgen.contracts import TextgenError
from textgen.runtime.storage.files import private_folder

VICTIM = """
import os, pickle, sys
from textgen.workers.process import Worker, recipe
print(os.getpid(), flush=True)
sys.stdin.readline()
child = Worker(recipe(str.upper))
child.give(pickle.dumps("computed"))
print(child.take()[1], flush=True)
sys.stdin.readline()
child.end()
"""

ATTACKER = """
import os, socket, sys, time
os.setgid(65534), os.setuid(65534)
place, guessed = sys.argv[1:]
os.mkdir(guessed)
os.chmod(guessed, 0o777)
print("ready", flush=True)
done = set()
end = time.monotonic() + 60
while not done and time.monotonic() < end and not os.path.exists(os.path.join(place, "over")):
    for folder in os.scandir(place):
        try:
            for inside in os.scandir(folder):
                done.add("saw " + inside.name)
                os.rename(inside, inside.path + "-replaced")
                done.add("replaced " + inside.name)
        except OSError:
            pass
    for line in open("/proc/net/unix"):
        path = line.split()[-1]
        if path.startswith(place):
            try:
                socket.socket(socket.AF_UNIX).connect(path)
                done.add("connected")
            except OSError:
                pass
print(*done, flush=True)
"""


@pytest.fixture
def shared_folder() -> Iterator[Path]:
    """A folder like the system's for temporary files: everyone may make files there."""
    with TemporaryDirectory() as name:
        os.chmod(name, 0o1777)
        yield Path(name)


def started(program: str, *arguments: object, **variables: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", program, *map(str, arguments)]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=os.environ | variables)


@pytest.mark.skipif(
    sys.platform != "linux" or os.getuid() != 0, reason="only root may run a program as someone else"
)
def test_a_name_that_can_be_guessed_gives_nothing_to_who_claims_it_first(shared_folder: Path) -> None:
    with started(VICTIM, TMPDIR=str(shared_folder)) as victim:
        assert victim.stdin
        assert victim.stdout
        guessed = f"textgen-{zlib.crc32(gethostname().encode()):08x}-{victim.stdout.readline().strip()}"
        with started(ATTACKER, shared_folder, shared_folder / guessed) as attacker:
            assert attacker.stdout
            assert attacker.stdout.readline() == "ready\n"
            print(file=victim.stdin, flush=True)
            assert victim.stdout.readline() == "COMPUTED\n"
            (shared_folder / "over").touch()
            assert attacker.stdout.readline() == "\n"
        print(file=victim.stdin, flush=True)
    assert {path.name for path in shared_folder.iterdir()} == {guessed, "over"}


@pytest.mark.parametrize(("owner", "mode"), [(0, 0o777), (65534, 0o1777)])
@pytest.mark.skipif(os.name != "posix" or os.getuid() != 0, reason="only root may give a folder away")
def test_a_folder_whose_contents_others_may_replace_is_refused(
    owner: int, mode: int, shared_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared_folder.chmod(mode)
    os.chown(shared_folder, owner, owner)
    monkeypatch.setattr("tempfile.tempdir", str(shared_folder))
    with pytest.raises(TextgenError, match=r"other users may replace .* set TMPDIR"):
        private_folder()


def test_folders_of_killed_processes_are_removed_but_not_what_a_link_of_their_name_leads_to(
    shared_folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(shared_folder))
    mine = private_folder()
    dead = mine.with_name(mine.name.replace(f"-{os.getpid()}-", f"-{2**22 + 1}-"))
    dead.mkdir()
    link = dead.with_name(f"{dead.name}x")
    link.symlink_to(tmp_path)
    again = private_folder()
    assert {path.name for path in shared_folder.iterdir()} == {mine.name, again.name, link.name}
    assert mine.stat().st_mode & 0o777 == 0o700
