"""A report that contains its models: it writes from disk, with the numbers of Python."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from helpers.browsing import watched
from helpers.commands import run_textgen
from helpers.scoring import CPU, score_text
from helpers.shared import ENTRIES
from textgen.comparison.page_models import page_models
from textgen.contracts import TextgenError
from textgen.experiment.saved_run import load_run
from textgen.nn.quantized import rounded

pytestmark = pytest.mark.slow

TEXT = "The weather in Sydney was fine, said naïve 中 Bob.\nNo."


@pytest.fixture(scope="module")
def folder(shared_bench: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = shutil.copytree(shared_bench, tmp_path_factory.mktemp("bench") / "out")
    run_textgen("report", out, "--with-models")
    return out


@pytest.fixture
def page(browser: Any, folder: Path) -> Iterator[Any]:
    with watched(browser, "file:", offline=True) as opened:
        opened.page.goto((folder / "report.html").as_uri())
        yield opened.page


def test_the_bits_are_those_of_python(page: Any, folder: Path) -> None:
    names = page.evaluate("data.models.map((model) => model.name)")
    assert sorted(names) == sorted(ENTRIES[:2])
    assert "'word-ngram' is not one stack of recurrent layers" in page.locator("#write").inner_text()
    for path in sorted((folder / "runs").iterdir()):
        run = load_run(path, CPU)
        if run.entry.name not in names:
            continue
        for parameter in run.model.module.parameters():  # the page has rounded weights
            if parameter.ndim == 2:
                integers, scales = rounded(parameter)
                with torch.no_grad():
                    parameter.copy_(integers * scales[:, None])
        found = page.evaluate(
            "([index, text]) => writer.bitsOf(writer.modelOf(index), '\\n', text)",
            [names.index(run.entry.name), TEXT],
        )
        ids, start = (run.tokenizer.encode(text) for text in (TEXT, "\n"))
        assert found == pytest.approx(score_text(run.model, TEXT, ids, start).bits.sum(), abs=0.01)


def test_it_writes_from_disk_the_same_text_for_the_same_seed(page: Any) -> None:
    texts = []
    for seed in ("1", "1", "2"):
        page.fill("#writer-prompt", "The ")
        page.fill("#writer-length", "120")
        page.fill("#writer-seed", seed)
        page.click("#writer-write")
        page.locator("#writer-write:enabled").wait_for()
        texts.append(page.locator("#writer-text").inner_text())
    assert texts[0] == texts[1] != texts[2]
    assert texts[0].startswith("The ")
    assert len(texts[0]) >= 120


def test_models_that_cannot_be_in_a_page_are_not_loaded(shared_bench: Path, tmp_path: Path) -> None:
    for file in (shared_bench / "runs" / "word-ngram-seed0").iterdir():
        if file.suffix != ".safetensors":
            shutil.copy(file, tmp_path)
    with pytest.raises(TextgenError, match="no model can be embedded in the page: 'word-ngram' is not one"):
        page_models([tmp_path])
