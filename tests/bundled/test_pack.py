"""Packed texts: they come back byte for byte, are as long as was reported, and catch a model that peeks."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from helpers.commands import BUDGET, TINY, run_textgen
from helpers.records import edit_record
from textgen.contracts import TextgenError
from textgen.data.corpus import load_corpus
from textgen.runtime.storage.files import write_digests
from textgen_pack import pack, unpack
from textgen_pack.coder import Decoder, Encoder, bounds

MIXED = "2*char-lstm+ngram:lstm.num_layers=1,lstm.hidden_size=16"
ENTRIES = {"characters": TINY, "words": f"word-lstm:{TINY.partition(':')[2]}", "mixed": MIXED}
SPLIT = ("--split", "60/20/20")
PEEKS = """
from pathlib import Path
import torch
from torch import nn

class Peek(nn.Module):
    def __init__(self, vocab_size, *, tokens):
        super().__init__()
        self.register_buffer("nothing", torch.zeros(1))
        ids, path = {token: number for number, token in enumerate(tokens)}, Path("answers.txt")
        answers = [ids.get(each, 0) for each in (path.read_text("utf-8") if path.exists() else " ")]
        self.logits = 9.0 * nn.functional.one_hot(torch.tensor(answers), vocab_size)
    def fit(self, ids): pass
    def initial_state(self, batch_size):
        return torch.zeros(batch_size, dtype=torch.int64)
    def forward(self, ids, state):
        places = state[:, None] + torch.arange(ids.shape[1])
        return self.logits[places % len(self.logits)], state + ids.shape[1]
"""


@given(seed=st.integers(0, 2**32), size=st.integers(1, 300), sharpness=st.floats(0, 300))
@example(seed=0, size=20_000, sharpness=10.0)
def test_codes_are_as_long_as_probabilities_demand(seed: int, size: int, sharpness: float) -> None:
    random = torch.Generator().manual_seed(seed)
    logits = sharpness * torch.randn(200, size, generator=random)
    logits[:, 1:2] = -torch.inf  # impossible, and yet it may come
    tokens = torch.randint(size, (200,), generator=random).tolist()
    table, encoder = bounds(logits), Encoder()
    for row, token in zip(table, tokens, strict=True):
        encoder.put(row, token)
    code = encoder.finish()
    assert [*map(Decoder(code).take, table)] == tokens
    shares = np.diff(table)[np.arange(200), tokens] / table[:, -1]
    assert -1e-3 <= 8 * len(code) + np.log2(shares).sum() <= 8.001
    wanted = logits.double().softmax(-1)[torch.arange(200), tokens].numpy()
    assert shares == pytest.approx(wanted, rel=1e-6, abs=1e-12)


@pytest.fixture(scope="module")
def folder(news: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("packs")
    (made / "news.txt").write_text(news[:20_000], "utf-8")
    for name, entry in ENTRIES.items():
        run_textgen("train", entry, "--corpus", "news.txt", *SPLIT, *BUDGET, "--out", name, cwd=made)
    return made


@pytest.mark.parametrize("name", ENTRIES)
def test_a_text_comes_back_and_is_as_long_as_was_reported(name: str, folder: Path, tmp_path: Path) -> None:
    packed, text = tmp_path / "packed", tmp_path / "text"
    said = json.loads(run_textgen("pack", name, "--json", "--out", packed, cwd=folder).stdout)
    stretches = load_corpus([str(folder / "news.txt")], split=SPLIT[1]).split.test.stretches()
    assert len(stretches) > 3
    assert abs(8 * said["code_bytes"] - said["reported_bits"]) < 16 * len(stretches)
    assert said["num_bytes"] == packed.stat().st_size < said["code_bytes"] + 1000
    assert (
        said["model_bytes"]["weights.safetensors"] == (folder / name / "weights.safetensors").stat().st_size
    )
    run_textgen("unpack", folder / name, packed, "--out", text, cwd=tmp_path)
    assert text.read_text("utf-8") == "".join(stretches) == unpack(folder / name, packed)
    again = run_textgen("unpack", folder / name, packed, "--out", text, code=1)
    assert "already exists; choose another file" in again.stderr


def test_any_file_comes_back(folder: Path, tmp_path: Path) -> None:
    text, out = "\ufeffÉmile 😀\r\n\0\t" * 9, tmp_path / "packed"
    (tmp_path / "text").write_bytes(text.encode())
    shown = run_textgen("pack", folder / "words", tmp_path / "text", "--out", out).stdout
    assert shown.startswith(f"**packed {out.stat().st_size:,} B + model ")
    assert unpack(folder / "words", out) == text


@pytest.mark.slow
@pytest.mark.usefixtures("no_references")
def test_a_model_that_finds_the_text_while_it_packs_cannot_give_it_back(news: str, tmp_path: Path) -> None:
    split, run, elsewhere = "contiguous:80/10/10", Path("bench/runs/char-peek-seed0"), tmp_path / "elsewhere"
    for name, content in (("news.txt", news[:20_000]), ("peeks.py", PEEKS)):
        (tmp_path / name).write_text(content, "utf-8")
    (answer,) = load_corpus([str(tmp_path / "news.txt")], split=split).split.test.stretches()
    (tmp_path / "answers.txt").write_text(answer, "utf-8")
    text, plugin = (
        ("--corpus", "news.txt", "--split", split, "--length", 80),
        ("--plugin", tmp_path / "peeks.py"),
    )
    run_textgen("bench", "random", "char-peek", *plugin, *text, *BUDGET, "--out", "bench", cwd=tmp_path)
    said = json.loads(run_textgen("pack", run, *plugin, "--json", "--out", "packed", cwd=tmp_path).stdout)
    assert said["code_bytes"] < len(answer) / 8
    assert (tmp_path / "peeks.py").stat().st_size in said["model_bytes"].values()
    packed = ("unpack", tmp_path / run, tmp_path / "packed", *plugin)
    assert run_textgen(*packed, cwd=tmp_path).stdout == answer
    elsewhere.mkdir()
    caught = run_textgen(*packed, "--out", "text", cwd=elsewhere, code=1)
    assert "error: the probabilities differ from those of pack between token 0 and" in caught.stderr
    assert not [*elsewhere.iterdir()]
    weighed = run_textgen("verify", "bench", "--weigh", *plugin, cwd=tmp_path, code=1).stdout
    honest, peeks = (line for line in weighed.splitlines() if "its packed text" in line)
    assert re.search(r"\([\d,]+ B \+ model [\d,]+ B\): all agree$", honest)
    assert "text: saved 'that of the corpus', recomputed 'error: the probabilities differ" in peeks


def test_what_cannot_be_packed_or_unpacked_says_why(folder: Path, tmp_path: Path) -> None:
    run, packed = Path(shutil.copytree(folder / "characters", tmp_path / "run")), tmp_path / "packed"
    pack(run, folder / "news.txt", out=packed)
    data = packed.read_bytes()
    for damaged in (b"", data[:-1], data[:50] + b"x" + data[51:], data[:-9] + b"x" + data[-8:]):
        (tmp_path / "damaged").write_bytes(damaged)
        with pytest.raises(TextgenError, match="is damaged, or not a packed text: "):
            unpack(run, tmp_path / "damaged")
    weights = load_file(run / "weights.safetensors")
    save_file({name: each * 1.001 for name, each in weights.items()}, run / "weights.safetensors")
    with pytest.raises(TextgenError, match=r"is damaged.*weights\.safetensors has changed"):
        unpack(run, packed)
    write_digests(run)
    with pytest.raises(TextgenError, match=r"was packed with another run of .*, or .* has changed"):
        unpack(run, packed)
    edit_record(run / "run.json", lambda values: values["sources"].update(names=["gone.txt"]))
    with pytest.raises(TextgenError, match=r"gone\.txt.*; give the text itself: textgen pack RUN TEXT"):
        pack(run, out=tmp_path / "new")
    edit_record(run / "run.json", lambda values: values["result"].update(problem="it loses text"))
    with pytest.raises(TextgenError, match="has no score, so it cannot pack: it loses text"):
        pack(run, folder / "news.txt", out=tmp_path / "new")
