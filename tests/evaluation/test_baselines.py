"""The scores that need no model: compressors get the training text, and each stretch by itself."""

from __future__ import annotations

import lzma
import math
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from textgen.contracts import TextgenWarning
from textgen.evaluation.baselines import DESCRIPTIONS, compressed_sizes, reference_scores

WITHOUT_PPMD = {"xz given train"}


def bits_per_char(train: str, stretches: Sequence[str]) -> dict[str, float]:
    num_chars = sum(map(len, stretches))
    return {name: sum(bits) / num_chars for name, bits in reference_scores(train, stretches).items()}


def test_every_reference_says_what_it_is_and_has_the_bits_of_each_stretch(news: str) -> None:
    pytest.importorskip("pyppmd")
    stretches = [news[50_000:52_000] + "é", news[53_000:54_500]]
    bits = reference_scores(news[:50_000], stretches)
    assert set(bits) == {*WITHOUT_PPMD, "PPMd given train", "PPMd, reading on"} == set(DESCRIPTIONS)
    assert all(len(each) == len(stretches) for each in bits.values())
    scores = {name: sum(each) / 3501 for name, each in bits.items()}
    chance = math.log2(len(set(news[:50_000])))
    assert 1 < scores["PPMd given train"] < scores["xz given train"] < chance


def test_sizes_are_what_a_stretch_adds_to_the_compressed_training_text(news: str) -> None:
    pyppmd = pytest.importorskip("pyppmd")
    train, stretches = news[:40_000].encode(), [news[40_000:42_000].encode(), news[45_000:48_000].encode()]

    def ppmd(text: bytes) -> int:
        encoder = pyppmd.Ppmd7Encoder(8, 64 << 20)
        return len(encoder.encode(text) + encoder.flush(endmark=False))

    def xz(text: bytes) -> int:
        return len(lzma.compress(text, preset=9 | lzma.PRESET_EXTREME))

    for name, compressed, tolerance in (("PPMd given train", ppmd, 1), ("xz given train", xz, 8)):
        sizes = compressed_sizes(name, train, stretches)
        for stretch, size in zip(stretches, sizes, strict=True):
            assert size == pytest.approx(compressed(train + stretch) - compressed(train), abs=tolerance)
    sizes = compressed_sizes("PPMd, reading on", train, stretches)
    assert sum(sizes) == pytest.approx(ppmd(train + b"".join(stretches)) - ppmd(train), abs=1)


def test_any_text_can_be_compressed() -> None:
    scores = bits_per_char("a\ud83d\ude00b\r\n" * 20, ["\ud83d", "\0é\ude00"])
    assert all(score > 0 for score in scores.values())


def test_without_pyppmd_its_rows_are_absent(news: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyppmd", None)
    assert set(reference_scores(news[:2000], [news[2000:3000]])) == WITHOUT_PPMD


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("import no_such_module", "ModuleNotFoundError: No module named 'no_such_module'"),
        ("import os; os.abort()", "exit code -6"),
    ],
)
def test_a_compressor_that_fails_costs_its_own_rows_only(
    news: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, reason: str
) -> None:
    (tmp_path / "pyppmd.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "pyppmd", raising=False)
    with pytest.warns(TextgenWarning) as caught:
        rows = reference_scores(news[:2000], [news[2000:3000]])
    assert set(rows) == WITHOUT_PPMD
    for name, warning in zip(("PPMd given train", "PPMd, reading on"), caught, strict=True):
        message = str(warning.message)
        assert message.startswith(f"{name!r} is not among the references: {reason}")
        assert "\n" not in message
