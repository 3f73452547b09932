"""Damaged and hostile bytes, JSON, tensors and folders."""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

DEEP = 100_000
"""Levels of nesting, more than any parser that recurs can follow."""
_DEEP, _TWICE = "@deep@", "@twice@"
"""Placeholders for what `json.dumps` does not write."""


def damaged(data: bytes, chance: random.Random) -> bytes:
    """Return bytes after an accident: a flipped bit, a cut, a hole, a piece twice or elsewhere."""
    if not data:
        return chance.randbytes(chance.randint(1, 100))
    begin = chance.randrange(len(data))
    end = min(len(data), begin + chance.choice((1, 2, 16, 512)))
    other = chance.randrange(len(data))
    flipped = bytes([data[begin] ^ 1 << chance.randrange(8)])
    with_flip = data[:begin] + flipped + data[begin + 1 :]
    cuts = (data[:begin], data[begin:], b"", data[:begin] + data[end:])
    holes = [data[:begin] + hole + data[end:] for hole in (bytes(end - begin), chance.randbytes(end - begin))]
    twice = (data[:end] + data[begin:], data[:other] + data[begin:end] + data[other:], data + data)
    longer = data + chance.randbytes(chance.randint(1, 64))
    return chance.choice((with_flip, with_flip, *cuts, *holes, *twice, longer))


def damage_folder(folder: Path, chance: random.Random, *, odd: bool = True) -> None:
    """Damage one file of a folder: its bytes, or that it is there, or what it is.

    With `odd` it may become a folder, a pipe or a link to an endless file.
    """
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    path, other = chance.choice(files), chance.choice(files)
    replaced: Sequence[Callable[[], object]] = (
        path.mkdir,
        lambda: os.mkfifo(path),
        lambda: path.symlink_to("/dev/zero"),
        lambda: path.symlink_to(path.name),
        lambda: None,
    )
    kind = chance.randrange(10)
    if kind < 7:
        path.write_bytes(damaged(path.read_bytes(), chance))
    elif kind == 7 and other != path:
        data = path.read_bytes()
        shutil.copyfile(other, path)
        if chance.random() < 0.5:
            other.write_bytes(data)
    else:
        path.unlink()
        chance.choice(replaced if odd else replaced[-1:])()


# --- JSON


def hostile_value(chance: random.Random) -> Any:
    """Return a value that a reader may not expect anywhere."""
    return chance.choice(
        (
            None, True, False, 0, -1, 1, 2**31, 2**63, 10**400, -(10**400), 0.5, -0.0, 1e308, 5e-324,
            float("nan"), float("inf"), -float("inf"), "", "NaN", "\ud800", "\0", "../x", "/", "x" * 100_000,
            "char-lstm", "x\n" * 100, [], {}, [None], [[]], [{}], {"": None}, [0] * 10_000, _DEEP,
            {"a": _DEEP}, {str(number): number for number in range(1000)}, "1e999", "١", "0" * 5000,
        )
    )  # fmt: skip


def hostile_json(values: Any, chance: random.Random) -> str:
    """Return JSON that differs from that of `values` in one to three places, perhaps not by any rule."""
    values = json.loads(json.dumps(values))
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        places = list(_places(values))
        if not places:
            values = hostile_value(chance)
            continue
        parent, key = chance.choice(places)
        kind = chance.randrange(8)
        if kind < 4:
            parent[key] = hostile_value(chance)
        elif kind == 4:
            del parent[key]
        elif kind == 5 and isinstance(parent, dict):
            parent[_TWICE + key] = hostile_value(chance)
        elif kind == 6 and isinstance(parent, dict):
            parent[chance.choice(("", "x", "__class__", "schema_version", key + " "))] = hostile_value(chance)
        else:
            other, name = chance.choice(places)
            is_there = name in other if isinstance(other, dict) else name < len(other)  # after other changes
            parent[key] = json.loads(json.dumps(other[name])) if is_there else None
    if chance.random() < 0.03:
        values = hostile_value(chance)
    text = json.dumps(values)
    text = text.replace(f'"{_DEEP}"', "[" * DEEP + "]" * DEEP).replace(f'"{_TWICE}', '"')
    return text[: chance.randrange(len(text))] if chance.random() < 0.03 else text


def hostile_record(data: bytes, chance: random.Random) -> bytes:
    """Return hostile JSON instead of a file's, with a digest that is right if the file has one."""
    values = json.loads(data)
    has_digest = isinstance(values, dict) and values.pop("sha256", None) is not None
    text = hostile_json(values, chance).encode("utf-8", "surrogatepass")
    if not has_digest or chance.random() < 0.1 or not text.startswith(b"{"):
        return text
    return b'{\n  "sha256": "%s",%s' % (hashlib.sha256(text).hexdigest().encode(), text[1:])


def _places(values: Any) -> Iterator[tuple[Any, Any]]:
    """Yield every place in JSON values, as what contains it and its key or index."""
    children = list(values.items()) if isinstance(values, dict) else []
    children = list(enumerate(values[:20])) if isinstance(values, list) else children
    for key, value in children:
        yield values, key
        yield from _places(value)


def hostile_file(path: Path, chance: random.Random) -> None:
    """Make a file of a run or checkpoint hostile: its JSON, or the header of its tensors."""
    if path.suffix == ".json":
        path.write_bytes(hostile_record(path.read_bytes(), chance))
    else:
        path.write_bytes(hostile_tensors(path.read_bytes(), chance))


def hostile_tensors(data: bytes, chance: random.Random) -> bytes:
    """Return a safetensors file whose header asks for terabytes, other types or other bytes."""
    size = int.from_bytes(data[:8], "little")
    header, rest = json.loads(data[8 : 8 + size]), data[8 + size :]
    name = chance.choice(sorted(header))
    tensor = header[name]
    kind = chance.randrange(8)
    if kind == 0:
        tensor["shape"] = chance.choice(([2**40], [2**62, 4], [0], [], [-1], [2**31, 2**31], [1] * 1000))
    elif kind == 1:
        tensor["dtype"] = chance.choice(("F64", "I64", "BOOL", "F16", "F8_E4M3", "U8", "x", "C64"))
    elif kind == 2:
        tensor["data_offsets"] = chance.choice(([0, 2**40], [0, 0], [5, 1], [-1, 4], [0, len(rest) * 2]))
    elif kind == 3:
        del header[name]
    elif kind == 4:
        header[chance.choice(("x", "", "x" * 10_000, name + ".weight"))] = header.pop(name)
    elif kind == 5:
        # Consistent with itself: the same bytes in another shape, or with values that are not numbers.
        count = (tensor["data_offsets"][1] - tensor["data_offsets"][0]) // 4
        tensor["shape"] = chance.choice(([count, 1], [1, count], [count]))
    elif kind == 6:
        begin, end = tensor["data_offsets"]
        bad = chance.choice((b"\x00\x00\xc0\x7f", b"\x00\x00\x80\x7f", b"\xff\xff\x7f\x7f"))
        rest = rest[:begin] + bad * ((end - begin) // 4) + rest[begin + (end - begin) // 4 * 4 :]
    else:
        return chance.choice((2**62, 2**40, 0, 1, size + 1)).to_bytes(8, "little") + data[8:]
    written = hostile_json(header, chance) if chance.random() < 0.2 else json.dumps(header)
    encoded = written.encode("utf-8", "surrogatepass")
    return len(encoded).to_bytes(8, "little") + encoded + rest


# --- TOML


def damaged_lines(text: str, chance: random.Random, words: Sequence[str]) -> str:
    """Return lines of `name = value` of which some are gone, twice, moved, or have another value."""
    lines = text.splitlines()
    for _ in range(chance.randint(1, 3)):
        index = chance.randrange(len(lines))
        name, equals, _ = lines[index].partition("=")
        value = chance.choice(words)
        kind = chance.randrange(6)
        if kind < 3 and equals:
            lines[index] = f"{name}= {value}"
        elif kind == 3:
            lines.insert(chance.randrange(len(lines)), lines[index])
        elif kind == 4 and len(lines) > 1:
            del lines[index]
        else:
            lines.insert(index, f"{chance.choice(('x', 'title', 'seeds', 'cases', 'a.b', '[x]'))} = {value}")
    return "\n".join(lines) + "\n"
