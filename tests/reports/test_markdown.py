"""Markdown: what is escaped, quoted or put into a table is shown unchanged."""

from __future__ import annotations

import pytest
from markdown_it import MarkdownIt

from textgen.reports.markdown import code, escape

NASTY = ["a|b", "*x* _y_ `z`", "<b>&amp;</b>", "[a](b)", r"\|", "``", "snake_case_name", "~~no~~"]
COMMAND = 'pip install "textgen-bench[bpe]"'


def shown(markdown: str) -> list[list[str]]:
    """Return the text of each piece of code and of each run of text, as a Markdown parser reads them."""
    tokens = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(markdown)
    inline = [token for token in tokens if token.type == "inline"]
    return [[child.content for child in token.children or () if child.content] for token in inline]


@pytest.mark.parametrize("text", [*NASTY, f"a_b is missing; run: {COMMAND}"])
def test_a_text_is_shown_unchanged(text: str) -> None:
    (pieces,) = shown(f"see {escape(text)}!")
    assert "".join(pieces) == f"see {text}!"
    assert code(text) in f"see {code(text)}"
    (pieces,) = shown(f"see {code(text)}!")
    assert pieces == ["see ", text, "!"]


def test_a_command_can_be_pasted_from_the_source() -> None:
    assert f"`{COMMAND}`" in escape(f"[x] is missing; run: {COMMAND}")
