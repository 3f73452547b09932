"""The Portuguese corpora of DANTE: from a small package, and from the real one where it is installed."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from textgen.contracts import TextgenError
from textgen_corpora.installed import Dante, detokenize

TREEBANK = """# newdoc id = x
# sent_id = FOLHA_DOC000001_SENT003
# text = Ele disse : " Em o fim , ganhei 5 % " .
1\tEle\tele\tPRON

# sent_id = FOLHA_DOC000001_SENT005
# text = Fim  .
1\tFim\tfim\tNOUN

# sent_id = FOLHA_DOC000002_SENT001
# text = Outro artigo ( de a Folha ) .
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of the data of a package in which two texts are."""
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    monkeypatch.delitem(sys.modules, "dante", raising=False)
    data = tmp_path / "dante" / "data"
    for item in ("porttinari", "petrogold"):
        (data / item).mkdir(parents=True)
        (data / item / "annotated.conllu").write_text(TREEBANK, "utf-8")
    (data.parent / "__init__.py").write_text("raise ImportError('needs pandas')")
    return data


@pytest.mark.usefixtures("package")
def test_articles_are_joined_and_read_like_text() -> None:
    article = 'Ele disse: "No fim, ganhei 5%". Fim.\n\nOutro artigo (da Folha).'
    assert Dante().read("porttinari") == article
    assert Dante().read("petrogold").split("\n\n")[1:] == ["Fim .", "Outro artigo ( de a Folha ) ."]
    assert Dante().language("petrogold") == "pt-BR"
    for item in ("", "porttinary"):
        with pytest.raises(
            TextgenError, match=r"unknown text of dante .*petrogold, porttinari|did you mean 'porttinari'"
        ):
            Dante().read(item)


@pytest.mark.parametrize(
    ("tokens", "text"),
    [
        ("De a casa a o mar , por as ruas , em esta noite", "Da casa ao mar, pelas ruas, nesta noite"),
        ("ir a a praia a aquele dia em um carro de eles", "ir à praia àquele dia em um carro deles"),
        ("' Ah ' , disse [ ele ] ; R$ 2.500 ?", "'Ah', disse [ele]; R$ 2.500?"),
        ("modo o dente - 3,5 , 10 % .", "modo o dente - 3,5, 10%."),
    ],
)
def test_tokens_become_text(tokens: str, text: str) -> None:
    assert detokenize(tokens) == text


def test_what_is_not_there_is_one_line(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    message = r"^the corpora of DANTE are not installed; run: pip install 'dante-corpora>=2,<3'$"
    with pytest.raises(TextgenError, match=message):
        Dante().read("danteshots")
    (package / "petrogold" / "annotated.conllu").write_bytes(b"# text = \xff\n")
    with pytest.raises(TextgenError, match=r"^cannot read [^\n]*annotated\.conllu: [^\n]*$"):
        Dante().read("petrogold")
    monkeypatch.setattr(sys, "path", [])
    with pytest.raises(TextgenError, match=message):
        Dante().read("petrogold")


@pytest.mark.skipif(find_spec("dante") is None, reason="the package dante-corpora is not installed")
@pytest.mark.parametrize("item", Dante().items())
def test_the_real_texts_are_portuguese(item: str) -> None:
    text = Dante().read(item)
    assert len(text) > 400_000
    assert min(text.count(f" {word} ") for word in ("que", "para", "com")) > 300
    assert item != "porttinari" or max(text.count(tokens) for tokens in (" , ", " de o ", "( ")) < 10
