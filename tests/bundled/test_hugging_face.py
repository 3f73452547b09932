"""Yardsticks of Hugging Face: their bits are those of `transformers` alone; what has no score is refused."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file

import textgen
from helpers.hugging_face import CONTEXT, END, byte_level, lower_case, save_gpt2, save_tokenizer, word_pieces
from textgen.comparison.bench import compared_before
from textgen.comparison.references import open_yardstick
from textgen.contracts import TextgenError
from textgen.experiment.entry_parser import parse_entry
from textgen.experiment.entry_result import FailedEntry
from textgen_kit import run_checks
from textgen_models.hugging_face import HuggingFace
from textgen_verify import verify

pytest.importorskip("transformers")
pytestmark = pytest.mark.slow  # importing it takes seconds

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    """A GPT-2 with random weights and a byte-level tokenizer."""
    folder = tmp_path_factory.mktemp("tiny")
    tokenizer = byte_level(request.getfixturevalue("news"))
    save_gpt2(folder, tokenizer.get_vocab_size())
    save_tokenizer(tokenizer, folder, bos_token=END, eos_token=END)
    return folder


@pytest.fixture(scope="module")
def stretches(news: str) -> list[str]:
    """Texts that are shorter and longer than the context, one with what looks like a special token."""
    return [news[:40], news[5000:6200], f"Ein Käse 😀 and {END}\n\n  after it.", "A"]


def scored(path: Path, stretches: list[str]) -> list[NDArray[np.float64]]:
    return list(HuggingFace(str(path)).score(stretches, CPU, lambda share: None))


def by_transformers(path: Path, text: str, first: int | None) -> float:
    """The bits of a text, one prediction at a time, in the windows that the page describes."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model, tokenizer = AutoModelForCausalLM.from_pretrained(path), AutoTokenizer.from_pretrained(path)
    ids = tokenizer(text, add_special_tokens=False, split_special_tokens=True)["input_ids"]
    bits, begin = 0.0, 0
    for place, token in enumerate(ids):
        if place == begin + CONTEXT:
            begin += CONTEXT // 2
        before = ([] if first is None else [first]) + ids[begin:place]
        if not before:
            bits += math.log2(model.config.vocab_size)
            continue
        with torch.no_grad():
            logits = model(torch.tensor([before])).logits[0, -1]
        bits -= float(torch.log_softmax(logits.double(), -1)[token]) / math.log(2)
    return bits


def test_bits_per_character_are_those_of_transformers_alone(tiny: Path, stretches: list[str]) -> None:
    for text, bits in zip(stretches, scored(tiny, stretches), strict=True):
        assert bits.shape == (len(text),)
        assert bits.sum() / len(text) == pytest.approx(by_transformers(tiny, text, 0) / len(text), abs=1e-6)


def without(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def with_code(name: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        values = json.loads((folder / name).read_text("utf-8"))
        values["auto_map"] = {"AutoModelForCausalLM": "modeling_own.Own"}
        (folder / name).write_text(json.dumps(values), "utf-8")

    return change


def pickled(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (shutil.rmtree, "is not a folder; give the folder of a model (nothing is downloaded)"),
        (without("config.json"), "has no config.json; create it with save_pretrained"),
        (without("tokenizer.json"), "has no tokenizer.json; create it with save_pretrained"),
        (with_code("config.json"), "needs custom code (auto_map in config.json)"),
        (with_code("tokenizer_config.json"), "needs custom code (auto_map in tokenizer_config.json)"),
        (pickled, "has no weights in safetensors; other formats are not read, as they run code"),
        (lambda folder: (folder / "config.json").write_text("[1"), "has a config.json that cannot be read"),
    ],
)
def test_files_that_cannot_be_used_are_refused_before_anything_is_read(
    tiny: Path, tmp_path: Path, change: Callable[[Path], None], reason: str
) -> None:
    folder = shutil.copytree(tiny, tmp_path / "model")
    change(folder)
    with pytest.raises(TextgenError) as caught:
        textgen.bench(["char-uniform", f"hf:{folder}"], "no-such-text")
    assert f"hf:{folder} {reason}" in str(caught.value)
    assert "\n" not in str(caught.value)


def not_causal(folder: Path) -> None:
    from transformers import BertConfig, BertLMHeadModel

    size = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    BertLMHeadModel(BertConfig(vocab_size=400, initializer_range=0.5, **size)).save_pretrained(folder)


def incomplete(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    del weights["transformer.h.1.mlp.c_fc.weight"]
    save_file(weights, folder / "model.safetensors", {"format": "pt"})


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (not_causal, "sees later tokens when it predicts, so it is not a causal"),
        (incomplete, r"is missing weights of a causal language model, such as .*h\.1"),
        (
            lambda folder: save_tokenizer(word_pieces("Nobody came."), folder),
            "has a tokenizer that loses text, so no score: '.* becomes '",
        ),
    ],
)
def test_a_model_without_a_score_is_refused(
    tiny: Path, tmp_path: Path, stretches: list[str], change: Callable[[Path], None], reason: str
) -> None:
    folder = shutil.copytree(tiny, tmp_path / "model")
    change(folder)
    with pytest.raises(TextgenError, match=reason):
        scored(folder, stretches)


def test_only_a_bench_takes_a_yardstick() -> None:
    with pytest.raises(TextgenError, match=r"^'hf:models/x' is a yardstick, not an entry; only bench"):
        parse_entry("hf:models/x")
    assert [result.status for result in run_checks("yardstick", HuggingFace)] == ["passed"] * 2
    assert [result.status for result in run_checks("yardstick", lambda: None)] == ["passed", "failed"]


def test_a_yardstick_is_a_reference_and_one_that_fails_costs_its_row(
    tiny: Path, tmp_path: Path, news: str
) -> None:
    model, lossy = (shutil.copytree(tiny, tmp_path / name) for name in ("model", "lossy"))
    save_tokenizer(lower_case(news), lossy)
    (tmp_path / "text.txt").write_text(news[:12_000], "utf-8")
    good, bad, out = f"hf:{model}", f"hf:{lossy}", tmp_path / "out"
    steps: list[textgen.Step] = []
    entries, text = ["char-uniform", good, bad], str(tmp_path / "text.txt")
    samples = textgen.SampleOptions(sampler="greedy", length=20)
    result = textgen.bench(entries, text, budget="1epochs", samples=samples, out=out, report=steps.append)
    (reference,) = [each for each in result.references if each.is_pretrained]
    stretches = textgen.load_corpus(text).split.test.stretches()
    bits = sum(by_transformers(tiny, text, 0) for text in stretches)
    assert reference.bits_per_char == pytest.approx(bits / sum(map(len, stretches)), abs=1e-6)
    assert reference.name == good
    assert reference.num_parameters == 32 * (400 + CONTEXT) + 2 * 12_704 + 64
    assert open_yardstick(good).description == ""
    (failed,) = [row for row in result.entries if isinstance(row, FailedEntry)]
    assert failed.name == bad
    assert "loses text" in failed.error
    said = {step.entry: step.outcome for step in steps if step.state in ("done", "failed")}
    assert said[good] == f"test {reference.bits_per_char:.3f} bits/char"
    assert "loses text" in said[bad]
    for report in ("report.md", "report.html"):
        assert f"{good} (pretrained, may have seen this text)" in (out / report).read_text("utf-8")
    assert compared_before(out) == ["char-uniform", good]
    assert verify(out).agrees


@pytest.mark.parametrize(("special", "first"), [({"eos_token": END}, 0), ({}, None)])
def test_without_a_first_token_the_last_one_or_the_size_of_the_vocabulary_counts(
    tiny: Path, stretches: list[str], tmp_path: Path, special: dict[str, str], first: int | None
) -> None:
    folder = shutil.copytree(tiny, tmp_path / "model")
    (folder / "tokenizer_config.json").write_text(
        json.dumps({"tokenizer_class": "PreTrainedTokenizerFast", **special}), "utf-8"
    )
    for part in (stretches[1][:200], stretches[1][0]):
        (bits,) = scored(folder, [part])
        assert bits.sum() == pytest.approx(by_transformers(folder, part, first), abs=1e-6 * len(part))
