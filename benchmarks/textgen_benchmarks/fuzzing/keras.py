"""Networks of Keras, damaged or hostile."""

from __future__ import annotations

import json
import random
import shutil
from io import BytesIO
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import numpy as np

from textgen_benchmarks.fuzzing.kind import Case, Kind
from textgen_benchmarks.fuzzing.mutations import damaged, hostile_json


def make_keras(folder: Path) -> None:
    """Write networks as Keras 2 and 3 do."""
    from helpers.keras_files import configuration, random_weights, write_h5, write_keras  # type: ignore[import-not-found, unused-ignore]

    write_h5(folder / "n.h5", configuration(), random_weights())
    write_keras(folder / "n.keras", configuration(), random_weights())


def keras(case: Case) -> str | None:
    """Read a network of Keras that is damaged, or whose configuration is hostile."""
    import h5py

    from textgen_models.keras_weights import read_keras

    chance = case.chance
    origin = chance.choice(sorted(case.prepared.iterdir()))
    path = Path(shutil.copyfile(origin, case.place / origin.name))
    kind = chance.randrange(4)
    if kind == 0:
        path.write_bytes(damaged(path.read_bytes(), chance))
    elif path.suffix == ".h5":
        with h5py.File(path, "r+") as file:
            _change(file, chance)
    else:
        with ZipFile(path) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
        name = chance.choice(sorted(members))
        if name.endswith(".json"):
            members[name] = hostile_json(json.loads(members[name]), chance).encode("utf-8", "surrogatepass")
        elif kind == 1:
            members[name] = damaged(members[name], chance)
        else:
            data = BytesIO(members[name])
            with h5py.File(data, "r+") as file:
                _change(file, chance)
            members[name] = data.getvalue()
        if chance.random() < 0.1:
            del members[name]
        with ZipFile(path, "w", ZIP_DEFLATED) as archive:
            for each, content in members.items():
                archive.writestr(chance.choice((each,) * 20 + (f"../{each}", each.upper())), content)
        if chance.random() < 0.2:
            path.write_bytes(damaged(path.read_bytes(), chance))
    read_keras(path)
    return None


def _change(file: object, chance: random.Random) -> None:
    """Change something in a file of HDF5, so that it remains one."""
    import h5py

    assert isinstance(file, h5py.File)
    arrays: list[str] = []
    file.visititems(lambda name, item: arrays.append(name) if isinstance(item, h5py.Dataset) else None)
    name = chance.choice(arrays)
    kind = chance.randrange(8)
    if kind == 0:
        del file[name]
    elif kind < 4:
        del file[name]
        file[name] = chance.choice(
            (
                np.zeros((3, 3)),
                np.zeros(0, "f4"),
                np.float32(1),
                "text",
                np.full((5, 20), np.nan),
                np.zeros((1, 20), "i8"),
                np.zeros((1, 20), "c8"),
                np.array([b"x"] * 3),
            )
        )
    elif kind == 4:
        del file[name]
        file.create_dataset(name, shape=(2**20, 2**20), dtype="f4", chunks=(64, 64), compression="gzip")
    elif kind == 5:
        file[f"{name}x"] = chance.choice(
            (h5py.SoftLink("/absent"), h5py.ExternalLink("/etc/passwd", "/"), h5py.SoftLink(f"/{name}x"))
        )
        del file[name]
        file.move(f"{name}x", name)
    elif "model_config" in file.attrs:
        config = json.loads(file.attrs["model_config"])
        text = hostile_json(config, chance).replace("\\ud800", "?")
        file.attrs["model_config"] = text[:60000].encode("utf-8", "replace")
    else:
        file.attrs[chance.choice(("keras_version", "layer_names", "weight_names"))] = b"\xff"


KINDS = (Kind("networks of Keras", keras, 800, make_keras),)
