"""Archives of results, after an accident or made by an enemy."""

from __future__ import annotations

import io
import random
import shutil
import stat
import struct
import warnings
import zipfile
from pathlib import Path

from textgen.catalog.archive import export_archive, import_archive
from textgen.catalog.folders import identify
from textgen.contracts import TextgenError
from textgen_benchmarks.fuzzing.kind import Case, Kind, WrongError, digest, names_below, prepared_once
from textgen_benchmarks.fuzzing.mutations import damage_folder, damaged, hostile_file
from textgen_benchmarks.fuzzing.saved import make_results

ODD_NAMES = (
    "../x.json", "/etc/x.json", "C:\\x", "a\\b", "a//b", "./a", "a/../../b", "x" * 300, "run.json/",
    ".hidden", "a\0b", "CON", "run.json\n", "é" * 100, "/", "..", "runs/../../x", "report.html", "x.py",
    "jobs/" + "a/" * 200 + "x.json",
)  # fmt: skip
BOMB_BYTES = 1 << 26


def make_archives(folder: Path) -> None:
    """Make an archive of each kind of result, the results unpacked, and a bomb."""
    prepared_once(make_results, folder / "results")
    for name in ("runs/1", "bench", "suite", "tune"):
        path = folder / "results" / name
        result = identify(path)
        assert result is not None
        export_archive(result, folder / f"{path.name}.zip")
        import_archive(folder / f"{path.name}.zip", folder / "unpacked")
    with zipfile.ZipFile(folder / "bomb.bin", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("run/run.json", bytes(BOMB_BYTES))


def imported(file: Path, place: Path) -> Path:
    """Import an archive; nothing is left if it is refused. Returns the new folder."""
    root = place / "root"
    root.mkdir()
    before = names_below(place)
    try:
        return import_archive(file, root)
    except TextgenError:
        if root.exists() and names_below(place) != before:
            raise WrongError(f"left: {sorted(set(names_below(place)) - set(before))[:3]}") from None
        raise


def damaged_archive(case: Case) -> str | None:
    """Import an archive after an accident: it is refused, or all files are as they were."""
    origin = case.chance.choice(sorted(case.prepared.glob("*.zip")))
    file = case.place / "archive.zip"
    file.write_bytes(damaged(origin.read_bytes(), case.chance))
    folder = imported(file, case.place)
    is_same = digest(folder) == digest(case.prepared / "unpacked" / origin.stem)
    return None if is_same else "unnoticed: an imported result is not what was exported"


def repacked(folder: Path, file: Path) -> None:
    """Pack a folder as `export` does, whatever is in it."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                archive.write(path, f"{folder.name}/{path.relative_to(folder)}")


def hostile_contents(case: Case) -> str | None:
    """Import an archive of a result that somebody damaged or made, whose checksums are right."""
    origin = case.chance.choice(sorted((case.prepared / "unpacked").iterdir()))
    copy = Path(shutil.copytree(origin, case.place / "copy"))
    if case.chance.random() < 0.5:
        damage_folder(copy, case.chance, odd=False)
    else:
        files = [path for path in sorted(copy.rglob("*")) if path.suffix in (".json", ".safetensors")]
        hostile_file(case.chance.choice(files), case.chance)
    repacked(copy, case.place / "archive.zip")
    shutil.rmtree(copy)
    imported(case.place / "archive.zip", case.place)
    return None


def add_odd(archive: zipfile.ZipFile, chance: random.Random) -> None:
    """Add what no export writes: a name that leads elsewhere, a link, a file twice, or many files."""
    kind = chance.randrange(6)
    if kind < 3:
        name = chance.choice(ODD_NAMES)
        archive.writestr(f"run/{name}" if chance.random() < 0.5 else name, "{}")
    elif kind == 3:
        info = zipfile.ZipInfo("run/spellings.json")
        info.external_attr = chance.choice((stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFDIR)) << 16
        archive.writestr(info, "/etc/passwd")
    elif kind == 4:
        archive.writestr("run/tokenizer.json", "{}")
        archive.writestr(chance.choice(("run/TOKENIZER.json", "run/Tokenizer.JSON")), "{}")
    else:
        for number in range(chance.choice((50, 11_000))):
            archive.writestr(f"run/{number}.json", "")


def odd_member(case: Case) -> str | None:
    """Import an archive with a member that no export writes; it is refused or left out."""
    file = case.place / "archive.zip"
    with (
        warnings.catch_warnings(action="ignore"),  # of a name that is there twice
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        if case.chance.random() < 0.5:
            add_odd(archive, case.chance)
        for path in sorted((case.prepared / "unpacked/1").iterdir()):
            archive.write(path, f"run/{path.name}")
        if len(archive.namelist()) == 5:
            add_odd(archive, case.chance)
    folder = imported(file, case.place)
    is_left_out = digest(folder) == digest(case.prepared / "unpacked/1")
    return None if is_left_out else "unnoticed: an odd member is accepted"


def bomb(case: Case) -> str | None:
    """Import an archive that unpacks to more than it says, or says more than it has."""
    data = bytearray((case.prepared / "bomb.bin").read_bytes())
    said = case.chance.choice((BOMB_BYTES, 10, 2**20, 2**31, 2**32 - 2))
    directory = data.rindex(b"PK\x01\x02")
    data[directory + 24 : directory + 28] = struct.pack("<I", said)
    if case.chance.random() < 0.5:
        data[22:26] = struct.pack("<I", said)
    if case.chance.random() < 0.3:
        data = bytearray(damaged(bytes(data[-200:]), case.chance).join((bytes(data[:-200]), b"")))
    (case.place / "archive.zip").write_bytes(data)
    if zipfile.is_zipfile(io.BytesIO(data)) or case.chance.random() < 0.1:
        imported(case.place / "archive.zip", case.place)
        return "unnoticed: a bomb is accepted"
    return None


KINDS = (
    Kind("damaged archives", damaged_archive, 1500, make_archives),
    Kind("hostile archives", hostile_contents, 1200, make_archives),
    Kind("odd archives", odd_member, 500, make_archives),
    Kind("bombs", bomb, 100, make_archives),
)
