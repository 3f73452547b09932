"""Records on disk: written and read as JSON, and refused with the first field that is wrong."""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import pytest

from textgen.contracts import TextgenError
from textgen.runtime.storage.json_records import (
    SCHEMA_VERSION,
    DamagedRecordError,
    read_record,
    to_json,
    to_values,
    write_record,
)


@dataclass(frozen=True)
class Point:
    step: int
    loss: float | None


@dataclass(frozen=True, kw_only=True)
class Curve:
    name: str
    points: tuple[Point, ...]
    schema_version: int = SCHEMA_VERSION


CURVE = Curve(name="é", points=(Point(1, 2.5), Point(2, None)))


def test_a_record_round_trips(tmp_path: Path) -> None:
    (tmp_path / "curve.json").write_text(to_json(CURVE), "utf-8")
    assert read_record(Curve, tmp_path / "curve.json") == CURVE
    assert to_values(CURVE)["points"] == [{"step": 1, "loss": 2.5}, {"step": 2, "loss": None}]


def test_json_is_what_any_parser_reads() -> None:
    assert json.loads(to_json({"text": "a\ud800b"})) == {"text": "a\ufffdb"}
    with pytest.raises(ValueError, match="JSON"):
        to_json(Point(1, float("nan")))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"name": 3}, "name: "),
        ({"points": [{"step": "12", "loss": 1}]}, r"points\.0\.step: "),
        ({"points": [{"step": True, "loss": 1}]}, r"points\.0\.step: "),
        ({"points": [{"step": 1}]}, r"points\.0\.loss: field required"),
        ({"naem": "x"}, "naem: unknown field"),
        ({"points": [{"step": 1, "loss": 1, "lose": 2}]}, r"points\.0\.lose: unknown field"),
    ],
)
def test_the_first_field_that_is_wrong_is_named(
    change: dict[str, object], reason: str, tmp_path: Path
) -> None:
    (tmp_path / "curve.json").write_text(json.dumps(to_values(CURVE) | change))
    with pytest.raises(DamagedRecordError, match=rf"curve\.json' cannot be read: {reason}"):
        read_record(Curve, tmp_path / "curve.json")


@pytest.mark.parametrize(
    ("version", "remedy"),
    [
        ({"schema_version": SCHEMA_VERSION + 1}, r"a newer textgen \(schema version \d+\); update"),
        ({"schema_version": SCHEMA_VERSION - 1}, "an older textgen; recreate it with this one$"),
        ({}, "an older textgen; recreate it with this one$"),
    ],
)
def test_a_record_of_another_schema_says_what_to_do(
    version: dict[str, int], remedy: str, tmp_path: Path
) -> None:
    path = tmp_path / "curve.json"
    path.write_text(json.dumps({"title": "another name"} | version))
    with pytest.raises(TextgenError, match=rf"curve\.json' was written by {remedy}") as caught:
        read_record(Curve, path)
    assert not isinstance(caught.value, DamagedRecordError)


def test_every_cut_every_flipped_bit_and_a_lost_digest_are_found(tmp_path: Path) -> None:
    path = tmp_path / "curve.json"
    write_record(path, CURVE)
    data = path.read_bytes()
    assert read_record(Curve, path, needs_digest=True) == CURVE
    damaged = [data[:length] for length in range(len(data))]
    for place, bit in product(range(len(data)), range(8)):
        damaged.append(data[:place] + bytes([data[place] ^ 1 << bit]) + data[place + 1 :])
    for each in [*damaged, to_json(CURVE).encode()]:
        path.write_bytes(each)
        with pytest.raises(DamagedRecordError, match=r"curve\.json' cannot be read: "):
            read_record(Curve, path, needs_digest=True)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", ""),
        ("null", ""),
        ('{"schema_version": "1"}', ""),
        ('{"schema_version": 3, "name": NaN}', "NaN is not JSON"),
        ('{"points": [{"step": 1, "loss": 1e999}]}', "1e999 is larger than"),
    ],
)
def test_what_is_no_record_is_damage(text: str, reason: str, tmp_path: Path) -> None:
    (tmp_path / "curve.json").write_text(text)
    with pytest.raises(DamagedRecordError, match=rf"curve\.json' cannot be read: .*({reason})"):
        read_record(Curve, tmp_path / "curve.json")
