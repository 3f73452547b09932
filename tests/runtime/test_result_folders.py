"""Names of folders that say what is in them, and folders that vanish if nothing comes of them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from socket import gethostname

import pytest

from textgen.contracts import TextgenError
from textgen.runtime.storage.files import write_file
from textgen.runtime.storage.result_folders import MAX_NAME_CHARS, result_folder, result_name

NOW = "2026-11-25-1635"


@pytest.fixture(autouse=True)
def at_a_fixed_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("time.strftime", lambda form: NOW)


@pytest.mark.parametrize(
    ("entry", "corpus", "budget", "seed", "name"),
    [
        ("char-lstm word-lstm-glove", "wiki", "60s", 0, "char-lstm_word-lstm-glove-wiki-60s"),
        ("char-lstm:num_layers=1,dropout=0.1", "lee", "60s", 0, "char-lstm_num_layers_1_dropout_0.1-lee-60s"),
        ("char-lstm+ngram", "some where/my novel.txt", "5 m", 7, "char-lstm+ngram-my_novel-5_m-seed7"),
        ("3*word-lstm", "lee", "60s", 0, "3xword-lstm-lee-60s"),
        ("random", "-", "20Mchars", 0, "random-stdin-20Mchars"),
        ("random", "a/one.txt+b/two.txt", "", 0, "random-one+two"),
        ("random", "x" * 99, "60s", 0, f"random-{'x' * 30}-60s"),
    ],
)
def test_a_name_says_entries_text_and_budget(
    entry: str, corpus: str, budget: str, seed: int, name: str
) -> None:
    assert result_name(entry.split(), corpus, budget, seed) == f"{name}-{NOW}"


def test_a_long_name_loses_options_first_and_then_entries() -> None:
    long = ["char-lstm:" + ",".join(f"option{i}=1" for i in range(20)), "word-lstm-glove"]
    assert result_name(long, "wiki", "60s") == f"char-lstm_word-lstm-glove-wiki-60s-{NOW}"
    many = [f"char-lstm{i:02}" for i in range(30)]
    cut = result_name(many, "wiki", "60s")
    assert cut.startswith("char-lstm00_char-lstm01_")
    assert cut.endswith(f"-wiki-60s-{NOW}")
    assert len(cut) <= MAX_NAME_CHARS
    assert len(result_name(["x" * 500], "y" * 500, "60s", 123456)) <= MAX_NAME_CHARS


def test_a_name_is_one_folder_and_can_be_an_option_of_an_entry_whatever_is_in_it() -> None:
    name = result_name(["char-../../lstm:path=/etc/passwd,a=1"], "../..\\x y\0.txt", "1/2 s")
    assert Path(name).name == name
    assert set(name) & set("\\ \0/:,=") == set()


def test_a_new_folder_is_claimed_and_never_that_of_another() -> None:
    with result_folder(None, lambda: "name") as first, result_folder(None, lambda: "name") as second:
        assert (first, second) == (Path("runs/name"), Path("runs/name-2"))
        (first / "file").touch()
        (second / "file").touch()
    with result_folder(None, lambda: "name") as third:
        assert third == Path("runs/name-3")


@pytest.mark.parametrize("error", [TextgenError, KeyboardInterrupt])
@pytest.mark.parametrize("out", [None, "deep/out"])
def test_what_stays_empty_is_removed(out: str | None, error: type[BaseException]) -> None:
    with pytest.raises(error), result_folder(out, lambda: "name") as folder:  # noqa: PT012
        (folder / "runs").mkdir(parents=True)
        raise error
    assert list(Path.cwd().iterdir()) == []


def test_what_has_contents_or_was_there_before_stays() -> None:
    Path("out/mine").mkdir(parents=True)
    with pytest.raises(TextgenError), result_folder("out", lambda: "name") as folder:  # noqa: PT012
        (folder / "runs" / "one").mkdir(parents=True)
        (folder / "runs" / "one" / "run.json").touch()
        (folder / "jobs").mkdir()
        raise TextgenError
    assert sorted(map(str, Path("out").rglob("*"))) == [
        "out/mine",
        "out/runs",
        "out/runs/one",
        "out/runs/one/run.json",
    ]


def dead_process() -> int:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    return process.pid


def test_unfinished_files_of_dead_processes_are_removed_by_the_next_one_that_writes_there() -> None:
    dead = f"textgen-{gethostname()}-{dead_process()}-0123abcd"
    alive = f"textgen-{gethostname()}-{os.getpid()}-0123abcd"
    Path(f".run.{dead}").mkdir()
    Path(f".bench.json.{dead}").touch()
    Path(f".run.{alive}").touch()
    write_file(Path("other.zip"), "")
    assert {path.name for path in Path.cwd().iterdir()} == {f".run.{alive}", "other.zip"}
