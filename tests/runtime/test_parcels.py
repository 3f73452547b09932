"""Jobs as they travel to other machines: packed and unpacked, each large part sent once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from textgen_ray.job_transfer import LARGE, MAX_KEPT, Packer, contents, unpacked

TEXT = "It rained. " * LARGE
FILES = {"partial/checkpoint-000001/state.json": b"{}", "weights": bytes(range(256))}


@dataclass(frozen=True)
class Job:
    """What is computed elsewhere: a text, its ids, a folder for what it writes, and plugins."""

    number: int
    text: str
    ids: NDArray[np.int32] | None = None
    folder: Path | None = None
    plugin_files: Sequence[Path] = ()


class Store:
    """Parts that were put away, in this order."""

    def __init__(self) -> None:
        self.parts: list[Any] = []
        self.packer = Packer(self.put_away)

    def put_away(self, part: Any) -> int:
        self.parts.append(part)
        return len(self.parts) - 1

    def delivered(self, references: Sequence[int]) -> list[Any]:
        return [self.parts[reference] for reference in references]


@pytest.fixture
def store() -> Store:
    return Store()


def test_a_job_comes_back_with_copies_of_its_files(store: Store, tmp_path: Path) -> None:
    folder, plugins = tmp_path / "run", [tmp_path / "a" / "toy.py", tmp_path / "b" / "toy.py"]
    for path, data in [
        *((folder / name, data) for name, data in FILES.items()),
        *((p, b"") for p in plugins),
    ]:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data or str(path).encode())
    job = Job(1, TEXT, np.arange(LARGE + 1, dtype=np.int32), folder, plugins)
    parcel = store.packer.pack(job)
    assert len(parcel.data) < 10_000
    with unpacked(parcel, store.delivered(parcel.parts)) as received:
        copy = received.job()
        assert (copy.number, copy.text) == (1, TEXT)
        assert np.array_equal(copy.ids, job.ids)
        assert copy.folder != folder
        assert copy.folder.name == "run"
        assert contents(copy.folder) == FILES
        assert [path.name for path in copy.plugin_files] == ["toy.py", "toy.py"]
        assert [path.read_bytes() for path in copy.plugin_files] == [str(path).encode() for path in plugins]
        (copy.folder / "weights").write_bytes(b"trained")
    assert contents(folder) == FILES
    assert not copy.folder.exists()
    assert not any(path.exists() for path in copy.plugin_files)


def test_a_job_without_files_has_none_elsewhere(store: Store, tmp_path: Path) -> None:
    for job in (Job(1, "short"), Job(2, "short", folder=tmp_path / "new")):
        parcel = store.packer.pack(job)
        assert not parcel.files
        with unpacked(parcel, store.delivered(parcel.parts)) as received:
            copy = received.job()
            assert copy.text == "short"
            assert copy.folder is None or not copy.folder.exists()
    assert store.parts == []


def test_a_large_part_of_several_jobs_is_put_away_once(store: Store) -> None:
    parcels = [store.packer.pack(Job(number, TEXT)) for number in range(3)]
    assert len(store.parts) == 1
    assert store.parts[0] is TEXT
    for number, parcel in enumerate(parcels):
        with unpacked(parcel, store.delivered(parcel.parts)) as received:
            copy = received.job()
            assert (copy.number, copy.text) == (number, TEXT)


def test_the_parts_that_were_used_last_are_remembered(store: Store) -> None:
    texts = [f"{number} " * LARGE for number in range(MAX_KEPT + 1)]
    for text in texts[:MAX_KEPT]:
        store.packer.pack(Job(0, text))
    store.packer.pack(Job(0, texts[0]))  # which makes it the last one used
    assert len(store.parts) == MAX_KEPT
    store.packer.pack(Job(0, texts[MAX_KEPT]))  # for which the second text is forgotten
    store.packer.pack(Job(0, texts[0]))
    assert len(store.parts) == MAX_KEPT + 1
    store.packer.pack(Job(0, texts[1]))
    assert len(store.parts) == MAX_KEPT + 2
