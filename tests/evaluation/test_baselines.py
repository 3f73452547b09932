"""The scores that need no model: compressors get the training text, and each stretch by itself."""

from __future__ import annotations

import lzma
import math

import pytest

from textgen.evaluation.baselines import COMPRESSORS, DESCRIPTIONS, compressed_bits

pytest.importorskip("pyppmd")


def test_every_reference_says_what_it_is_and_has_the_bits_of_each_stretch(news: str) -> None:
    stretches = [news[50_000:52_000] + "é", news[53_000:54_500]]
    bits = {}
    for name in COMPRESSORS:
        bits |= compressed_bits(name, news[:50_000], stretches)
    assert set(bits) == {"xz given train", "PPMd given train", "PPMd, reading on"} == set(DESCRIPTIONS)
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

    sizes = {**COMPRESSORS["PPMd"](train, stretches), **COMPRESSORS["xz"](train, stretches)}
    for name, compressed, tolerance in (("PPMd given train", ppmd, 1), ("xz given train", xz, 8)):
        for stretch, size in zip(stretches, sizes[name], strict=True):
            assert size == pytest.approx(compressed(train + stretch) - compressed(train), abs=tolerance)
    read_on = sum(sizes["PPMd, reading on"])
    assert read_on == pytest.approx(ppmd(train + b"".join(stretches)) - ppmd(train), abs=1)


@pytest.mark.parametrize("name", COMPRESSORS)
def test_any_text_can_be_compressed(name: str) -> None:
    bits = compressed_bits(name, "a\ud83d\ude00b\r\n" * 20, ["\ud83d", "\0é\ude00"])
    assert all(each > 0 for of_stretches in bits.values() for each in of_stretches)
