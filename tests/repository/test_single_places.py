"""What happens in one place: `process.py` starts processes, `locks.py` locks folders, `output.py` prints."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
STARTS = re.compile(
    r"(subprocess|asyncio)\.\w+|os\.(fork|forkpty|system|popen|exec\w+|spawn\w+|posix_spawn\w*)"
    r"|(.+\.)?(Popen|Process|ProcessPoolExecutor|Pool|start_processes|spawnv_passfds)"
)
"""Calls that start a process."""
LOCKS = re.compile(r"(.+\.)?((Soft|Unix|Windows)?FileLock|flock|lockf)")
"""Calls that make or take a lock of the operating system."""
PRINTS = re.compile(
    r"p?print|input|(.+\.)?(stdout|stderr)(\.buffer)?\.write(lines)?|(.+\.)?Console|traceback\.print_\w+"
    r"|(typer|click)\.(echo\w*|secho|prompt|confirm|progressbar)"
)
"""Calls that print."""


COMMANDS = (
    "textgen_kit",
    "textgen_play",
    "textgen_suites",
    "textgen_tools",
    "textgen_tuning",
    "textgen_verify",
)


@cache
def called() -> list[tuple[str, str]]:
    """Return the files of the core and of bundled commands, each with one name that it calls."""
    packages = [ROOT / "textgen", *(ROOT / "plugins" / name for name in COMMANDS)]
    return [
        (path.relative_to(package.parent).as_posix().removeprefix("textgen/"), ast.unparse(node.func))
        for package in packages
        for path in sorted(package.rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call)
    ]


def calls(pattern: re.Pattern[str]) -> dict[str, set[str]]:
    """Return the calls that a pattern matches, for each file of the core that has some."""
    matching: dict[str, set[str]] = {}
    for file, name in called():
        if pattern.fullmatch(name):
            matching.setdefault(file, set()).add(name)
    return matching


def test_one_place_starts_the_processes_of_jobs() -> None:
    assert calls(STARTS) == {
        "workers/process.py": {"context.Process", "os.fork"},
        # Starts none: asyncio serves the live page, whose models are in a process of the first.
        "textgen_play/client.py": {"asyncio.get_running_loop"},
        "textgen_play/server.py": {
            "asyncio.Event",
            "asyncio.Lock",
            "asyncio.new_event_loop",
            "asyncio.run_coroutine_threadsafe",
            "asyncio.timeout",
        },
        # None runs a job: a compressor as a reference, a tokenizer with another order of sets, programs that
        # measure a machine, and `textgen bench` with the plugins of one submission.
        "evaluation/baselines.py": {"subprocess.run", "os.fork"},
        "textgen_kit/contracts/tokenizer.py": {"subprocess.run"},
        "textgen_tools/checkup/steps.py": {"subprocess.run"},
        "textgen_verify/board/again.py": {"subprocess.run"},
    }


def test_one_place_locks_folders() -> None:
    assert calls(LOCKS) == {
        "runtime/storage/result_folders.py": {"FileLock"},
        # Single files: those of the cache that are in use, and the processes that share a study.
        "runtime/storage/cache.py": {"fcntl.flock"},
        "textgen_tuning/study.py": {"FileLock"},
    }


def test_one_place_prints_and_shows_what_would_steer_a_terminal() -> None:
    assert calls(PRINTS) == {
        "runtime/output.py": {"print"},  # `library/console.py` derives what draws from rich's Console
        # Neither prints text of others: a question, and numbers for the process that reads them.
        "textgen_tools/tour.py": {"input"},
        "evaluation/baselines.py": {"print"},
    }
