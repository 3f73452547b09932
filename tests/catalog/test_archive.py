"""Archives: what was exported comes back, and what was tampered with is refused whole."""

from __future__ import annotations

import os
import shutil
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from helpers.catalog import write_bench, write_study, write_suite
from helpers.runs import CPU, SMALL, logits, make_run
from textgen.catalog import archive
from textgen.catalog.archive import export_archive, import_archive
from textgen.catalog.folders import identify
from textgen.contracts import TextgenError
from textgen.experiment.saved_run import load_run, save_run
from textgen.runtime.storage.digests import write_digests
from textgen.runtime.storage.state_files import save_state


def export(folder: Path, file: Path) -> Path:
    found = identify(folder)
    assert found is not None
    export_archive(found, file)
    return file


@pytest.fixture
def exported(tmp_path: Path) -> Path:
    """The archive of a run."""
    save_run(tmp_path / "run", make_run(f"char-lstm{SMALL}"))
    return export(tmp_path / "run", tmp_path / "run.zip")


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_a_run_comes_back_as_it_was(exported: Path, tmp_path: Path) -> None:
    folder = import_archive(exported, tmp_path / "new" / "runs")
    assert folder == tmp_path / "new" / "runs" / "run"
    assert contents(folder) == contents(tmp_path / "run")
    assert torch.equal(logits(load_run(folder, CPU)), logits(load_run(tmp_path / "run", CPU)))
    changed = [(path / "run.json").stat().st_mtime for path in (folder, tmp_path / "run")]
    assert abs(changed[0] - changed[1]) <= 2  # as exact as the format is


def test_benches_and_suites_come_back_without_pages_and_files_of_others(tmp_path: Path) -> None:
    bench = write_bench(tmp_path / "bench", ("char-lstm", 2.0, 0))
    save_run(bench / "runs" / "random-seed0", make_run("random"))
    shutil.copy(bench / "runs" / "random-seed0" / "weights.safetensors", bench / "runs" / "char-lstm-seed0")
    write_digests(bench / "runs" / "char-lstm-seed0")
    before = contents(bench)
    (bench / "report.html").write_text("<script>alert(1)</script>")
    (bench / "notes.txt").write_text("mine")
    file = export(bench, tmp_path / "bench.zip")
    with zipfile.ZipFile(file) as written:
        assert "bench/report.html" in written.namelist()
    assert contents(import_archive(file, tmp_path / "new")) == before
    suite = write_suite(tmp_path / "suite")
    assert contents(import_archive(export(suite, tmp_path / "suite.zip"), tmp_path / "new")) == contents(
        suite
    )


def test_nothing_is_overwritten(exported: Path, tmp_path: Path) -> None:
    with pytest.raises(TextgenError, match=r"run' exists already; choose another folder \(--root\)$"):
        import_archive(exported, tmp_path)
    with pytest.raises(TextgenError, match=r"run.zip' exists already; choose another file \(--out\)$"):
        export(tmp_path / "run", exported)
    with pytest.raises(TextgenError, match="there is no folder"):
        export(tmp_path / "run", tmp_path / "nowhere" / "run.zip")


@pytest.mark.parametrize("name", ["weights.safetensors", "tokenizer.json"])
def test_what_is_damaged_or_never_ends_is_not_exported(name: str, tmp_path: Path) -> None:
    save_run(tmp_path / "run", make_run("random"))
    file = tmp_path / "run" / name
    data = file.read_bytes()
    file.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    with pytest.raises(TextgenError, match=rf"cannot export .*run': .*{name} has changed since"):
        export(tmp_path / "run", tmp_path / "run.zip")
    file.unlink()
    os.mkfifo(file)
    with pytest.raises(TextgenError, match=rf"cannot export .*{name}: not a regular file"):
        export(tmp_path / "run", tmp_path / "run.zip")
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_an_export_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_run(tmp_path / "run", make_run("random"))
    monkeypatch.setattr(zipfile.ZipFile, "write", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        export(tmp_path / "run", tmp_path / "run.zip")
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def add(
    name: str, data: bytes = b"{}", mode: int = 0, compression: int = zipfile.ZIP_STORED
) -> Callable[[Path], None]:
    """Return what adds a file to an archive."""

    def change(file: Path) -> None:
        info = zipfile.ZipInfo(name)
        info.external_attr, info.compress_type = mode << 16, compression
        with zipfile.ZipFile(file, "a") as changed:
            changed.writestr(info, data)

    return change


def replace(name: str, data: bytes | None) -> Callable[[Path], None]:
    """Return what gives a file in an archive another content, or takes it away."""

    def change(file: Path) -> None:
        with zipfile.ZipFile(file) as before:
            files = {info.filename: before.read(info) for info in before.infolist()}
        files.pop(name)
        with zipfile.ZipFile(file, "w") as after:
            for each, own in {**files, **({} if data is None else {name: data})}.items():
                after.writestr(each, own)

    return change


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (add("../evil.json"), "'../evil.json' is not a safe path"),
        (add("run/../../evil.json"), "'run/../../evil.json' is not a safe path"),
        (add("/etc/evil.json"), "'/etc/evil.json' is not a safe path"),
        (add("run/C:evil.json"), "'run/C:evil.json' is not a safe path"),
        (add("run\\..\\evil.json"), "is not a safe path"),
        (add("run/.bashrc"), "'run/.bashrc' is not a safe path"),
        *(
            (add(f"run/{name}.json"), f"{f'run/{name}.json'!r} is not a safe path")
            for name in ("CON", "lpt1.x", "--root", "a\x9b", "a\u202e", "a\u2066b")
        ),
        (add("r1../run.json"), "'r1../run.json' is not a safe path"),
        (add("other/run.json"), "its files are not in one folder"),
        (add("run.json"), "its files are not in one folder"),
        (add("run/model.pkl"), "'model.pkl' is not part of a run"),
        (add("run/tokenizer.json/x.json"), "'tokenizer.json/x.json' is not part of a run"),
        (add("run/TOKENIZER.json"), "it contains a file twice"),
        (
            add("run/spellings.json", b"/etc/passwd", stat.S_IFLNK | 0o777),
            "'run/spellings.json' is not a plain file",
        ),
        (
            add("run/spellings.json", bytes(3_000_000), compression=zipfile.ZIP_DEFLATED),
            "is compressed more than 200-fold",
        ),
        (
            lambda file: [
                add(f"run/snapshots/{number}/state.json", bytes(2**20), compression=zipfile.ZIP_DEFLATED)(
                    file
                )
                for number in range(10)
            ],
            "it is compressed more than 200-fold",
        ),
        (add("run/samples.json", b" " * 100), "'samples.json' cannot be read: "),
        (add("run/spellings.json"), "files.json lacks spellings.json"),
        (add("run/snapshots/000010/state.json"), "files.json cannot be read"),
        (add("run/spellings.json", compression=zipfile.ZIP_LZMA), "compressed by another method"),
        (replace("run/run.json", None), "it is not a result of textgen: it lacks run.json or"),
        (replace("run/run.json", b'{"schema_version": 2}'), "'run.json' cannot be read: "),
        (replace("run/run.json", b"["), "'run.json' cannot be read: "),
        (replace("run/run.json", b"[" * 200_000), "cannot"),
        (
            replace("run/weights.safetensors", b"\x80\x04cos\nsystem\n"),
            "weights.safetensors has ",
        ),
        (replace("run/weights.safetensors", None), "weights.safetensors is missing"),
        (replace("run/tokenizer.json", b"{}"), "tokenizer.json has 2 bytes instead of "),
        (replace("run/files.json", None), "files.json cannot be read: "),
        (replace("run/files.json", b"{}"), "files.json lacks run.json"),
        (
            replace(
                "run/files.json",
                b'{"../../x": {}, "run.json": {}, "tokenizer.json": {}, "weights.safetensors": {}}',
            ),
            "names a file outside the folder",
        ),
        (lambda file: file.write_bytes(file.read_bytes()[:-30]), "File is not a zip file"),
        (lambda file: file.write_bytes(b""), "File is not a zip file"),
    ],
)
def test_what_is_not_a_whole_result_is_refused_and_leaves_nothing(
    change: Callable[[Path], None], reason: str, exported: Path, tmp_path: Path
) -> None:
    change(exported)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(TextgenError) as caught:
        import_archive(exported, tmp_path / "new" / "runs")
    message = str(caught.value)
    assert message.startswith(f"cannot import {str(exported)!r}: ")
    assert reason in message
    assert "\n" not in message
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("limit", ["MAX_FILES", "MAX_ARCHIVE_BYTES", "MAX_MEMBER_BYTES"])
def test_the_size_is_bounded(
    limit: str, exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, limit, 1)
    with pytest.raises(TextgenError, match=r"it has more than|has \d+ MiB"):
        import_archive(exported, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_a_damaged_file_is_noticed(exported: Path, tmp_path: Path) -> None:
    data = bytearray(exported.read_bytes())
    data[data.index(b"weights.safetensors") + 200] ^= 255
    exported.write_bytes(data)
    with pytest.raises(TextgenError, match=r"^cannot import "):
        import_archive(exported, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_files_that_share_their_data_do_not_fill_the_disk(exported: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(exported, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("run/spellings.json", os.urandom(2**21))
        shared = archive.getinfo("run/spellings.json")
        for number in range(9_000):  # all of them the same bytes of the archive
            copy = zipfile.ZipInfo(f"run/runs/{number}/spellings.json")
            for name in ("header_offset", "file_size", "compress_size", "CRC", "compress_type"):
                setattr(copy, name, getattr(shared, name))
            archive.filelist.append(copy)
    with pytest.raises(TextgenError, match=r"cannot import .*: it (has|is compressed) more than"):
        import_archive(exported, tmp_path / "new")
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("make", [os.mkfifo, Path.mkdir, lambda path: path.symlink_to("/dev/zero")])
def test_what_is_not_a_file_is_not_an_archive(make: Callable[[Path], object], tmp_path: Path) -> None:
    make(tmp_path / "run.zip")
    with pytest.raises(TextgenError, match=r"cannot import .*: (not a regular file|Is a directory)"):
        import_archive(tmp_path / "run.zip", tmp_path / "new")


def test_what_is_not_a_database_is_not_a_study(tmp_path: Path) -> None:
    study = write_study(tmp_path / "study")
    (study / "study.db").write_bytes(b" " * 100)
    with pytest.raises(TextgenError, match=r"^cannot export .*: file is not a database$"):
        export(study, tmp_path / "study.zip")


def test_a_damaged_measurement_or_checkpoint_is_noticed(tmp_path: Path) -> None:
    suite = write_suite(tmp_path / "suite")
    save_state(
        suite / "jobs" / f"{'0' * 16}.json.partial" / "model" / "checkpoint-000001", {"x": torch.zeros(2)}
    )
    assert (
        import_archive(export(suite, tmp_path / "whole.zip"), tmp_path / "new") == tmp_path / "new" / "suite"
    )
    for name in (
        "jobs/0123456789abcdef.json",
        f"jobs/{'0' * 16}.json.partial/model/checkpoint-000001/state.json",
    ):
        file = suite / name
        before = file.read_bytes()
        file.write_bytes(before[:-2] + b" " + before[-1:])
        with pytest.raises(TextgenError, match=r"^cannot export .*(has changed since|cannot be read)"):
            export(suite, tmp_path / "other.zip")
        zipped = Path(shutil.make_archive(str(tmp_path / "damaged"), "zip", tmp_path, "suite"))
        with pytest.raises(TextgenError, match=r"^cannot import .*(has changed since|cannot be read)"):
            import_archive(zipped, tmp_path / "other")
        file.write_bytes(before)
