"""Faults that authors of plugins make: each is found by the check beside it."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import pytest

import textgen_kit
from textgen.registry.registry import KINDS
from textgen_kit import checks, conformance, run_checks

FOLDER = Path(textgen_kit.__file__).parent / "examples"
CODE = {path.stem: path.read_text("utf-8") for path in FOLDER.glob("[a-z]*.py")}
"""The examples of the kit, and the components below, which have what the examples lack."""
EXAMPLES = frozenset(CODE)
CODE["char"] = '''
import json
import random
from textgen_tokenizers.char import CharTokenizer

class Example(CharTokenizer):
    """Characters."""
    pass
'''
CODE["small"] = '''
import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from helpers.models import Small
from textgen.contracts import PretrainedVectors

class Example(Small):
    """One layer of gated recurrent units, with all that a model may have."""
    pass
'''
CODE["reader"] = '''
class Example:
    """One text in a file of its own suffix."""

    suffixes = (".mistaken",)

    def documents(self, file, field):
        """Yield the text."""
        yield file.pieces()
'''
CODE["command"] = '''
from __future__ import annotations
from typing import Annotated
import typer

def Example(
    word: Annotated[str, typer.Argument(help="A word.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Print a word in capitals."""
    print(word.upper(), as_json)
'''
CODE["lexicon"] = """
def Example():
    return {"one", "two"}
"""
KIND_OF = {"refinement": "model", "char": "tokenizer", "small": "model"}
"""Code: its kind, unless it is called after it."""

LAST = "return self.output(torch.tanh(self.hidden(features)))"
CHOSEN = "return sample_categorical(kept, uniforms)"
CLEANED = "return text.lower() if self.lower_case else text"
FORWARD = "def forward(self, ids, state):\n        logits, state = super().forward(ids, state)\n        "
STEP = "def prepare_step(self, dtype):\n        step = super().prepare_step(dtype)\n        "
LOSS = (
    "def loss(self, ids, targets, state):\n        loss, state = super().loss(ids, targets, state)\n        "
)
BUILT = (
    "def __init__(self, vocab_size, *, vectors=None):\n"
    "        super().__init__(vocab_size, vectors=vectors)\n        "
)
PLACES = "torch.arange(ids.shape[1])[:, None]"
NEXT = "F.one_hot(ids.roll(-1, 1), logits.shape[-1])"

Row = tuple[str, str, str, str, str]
FAULTS: list[Row] = [
    # every class: code, what is replaced in it, by what, the check, words of its reason
    ("cleaner", '"""Letters in lower case, without numbers of many digits."""', "", "docstring",
     "a docstring of"),
    ("cleaner", "@dataclass\n", "", "options", "@dataclass on the class"),
    ("model", "self.hidden(", "self.hiden(", "contract", "has no attribute 'hiden' (mistaken.py, line"),
    ("cleaner", CLEANED, f"print('cleaned'); {CLEANED}", "no-global-state", "it prints 'cleaned'"),
    ("sampler", CHOSEN, "return kept.softmax(-1).multinomial(1)[:, 0]", "no-global-state",
     "use the uniforms"),
    # tokenizers
    ("tokenizer", "in text for token", "in text.replace('\\r', '') for token", "lossless",
     "decode(encode(text)) to be the text"),
    ("char", "pass", "def encode(self, text):\n        return super().encode(text).tolist()", "ids",
     "got list"),
    ("char", "pass",
     "def decode(self, ids):\n        data = b''.join(self._table.pieces[i] for i in ids)\n"
     "        return data.decode('utf-8', 'surrogatepass')",
     "decodes-any-ids", "while decoding"),
    ("char", "pass",
     "seen = ''\n    def fit(self, text):\n        self.seen += text\n        super().fit(self.seen)",
     "deterministic", "regardless of earlier calls"),
    ("char", "pass",
     "def encode(self, text):\n        if len(text) == 300: self._build(self._alphabet + 'x')\n"
     "        return super().encode(text)", "vocabulary-from-training",
     "no change after other texts were encoded"),
    ("char", "pass", "def state(self):\n        return dict(enumerate(self._alphabet))\n"
     "    def restore(self, state):\n"
     "        self._build(''.join(state.get(i, '') for i in range(len(state))))",
     "state", "the same tokenizer from its state()"),
    ("char", "pass", "def state(self):\n        return {'alphabet': {1}}",
     "state", "expected values that JSON can hold from state()"),
    ("char", "pass", "def fit_counts(self, counts):\n        super().fit_counts(list(counts)[:1])",
     "counts", "fitted in blocks"),
    ("char", "pass", "def extend(self, text):\n        self.fit(text + self._alphabet)", "extend",
     "first tokens"),
    ("tokenizer", "sorted(frequent)", "list(set(frequent))", "other-process",
     "the same tokens in another process"),
    # models
    ("small", "pass", f"{FORWARD}return logits[:, -1:], state", "shapes",
     "forward must return logits [batch"),
    ("model", "new_zeros(batch", "new_zeros(1, batch", "shapes",
     "expected the batch (2) as first dimension of the state"),
    ("model", LAST, f"{LAST} / 0", "probabilities", "some are infinite or NaN"),
    ("small", "pass",
     "def forward(self, ids, state):\n        logits, last = super().forward(ids, state.clone())\n"
     "        return logits, state.copy_(last.detach())", "pure",
     "the same logits for the same ids and state"),
    ("small", "pass", f"{FORWARD}return logits + 0.1 * {NEXT} * ({PLACES} >= 512), state", "causal",
     "token 5"),
    ("model", "memories = []", "memories, state = [], 0 * state", "chunks",
     "the logits of one pass over 60 tokens"),
    ("small", "pass", f"{FORWARD}return logits - logits.mean(0), state", "batch", "of each row alone"),
    ("small", "pass",
     "def initial_state(self, batch_size):\n        return super().initial_state(batch_size)[:, None]\n"
     "    def forward(self, ids, state):\n        logits, last = super().forward(ids, state[:, -1])\n"
     "        return logits, torch.cat((state, last[:, None].expand(-1, ids.shape[1], -1)), 1)", "state",
     "give tensors that grow a fixed size"),
    ("small", "pass", f"{STEP}return lambda ids, state: step(ids, 0 * state)", "step",
     "of forward from steps after"),
    ("small", "pass", f"{LOSS}return loss / np.log(2), state", "loss", "expected a loss of"),
    ("small", "pass", "recommended_training = {'learning_rate': 1e-12}", "learns",
     "nats per token after 60 updates"),
    ("small", "pass",
     "def __init__(self, vocab_size):\n        torch.manual_seed(42)\n        super().__init__(vocab_size)",
     "seed", "building not to set torch's global seed"),
    ("small", "pass",
     f"{BUILT}self.scale = torch.randn(vocab_size)\n    {FORWARD}return logits * self.scale, state",
     "saved", "all that is learnt in state_dict"),
    ("small", "pass",
     "def __init__(self, vocab_size, *, vectors=None):\n        super().__init__(vocab_size)", "vectors",
     "different logits with different vectors"),
    ("refinement", "base.forward(", "base(", "refinement", "expected base.forward(ids, state); the base"),
    # samplers
    ("sampler", CHOSEN, f"{CHOSEN}.numpy()", "ids", "expected a tensor of ids; got array"),
    ("sampler", "-math.inf)", "-30.0).nan_to_num(neginf=0.0)", "impossible-token", "no impossible token"),
    ("sampler", CHOSEN,
     "return sample_categorical(scaled.where(scaled < scaled.amax(-1, keepdim=True), scaled - 5), uniforms)",
     "likelier-token", "chosen roughly in that order"),
    ("sampler", CHOSEN, "return sample_categorical(kept, uniforms * 0 + 0.5)", "uniforms",
     "different ids for different uniforms"),
    ("sampler", CHOSEN, "return sample_categorical(kept, uniforms[:1].expand(len(kept)))", "batch",
     "each row alone"),
    ("sampler", "logits / self.temperature", "logits.div_(self.temperature)", "logits",
     "are changed in place"),
    # embeddings
    ("embedding", "np.stack(vectors))", "np.stack(vectors) * np.nan)", "vectors",
     "expected finite vectors"),
    ("embedding", "str.strip, tokens", "'~'.__add__, tokens", "covers", "match no token"),
    # the others
    ("cleaner", CLEANED, "return text + '!'", "text",
     "a string, empty if the text is empty; got '!' for ''"),
    ("cleaner", CLEANED, "return text.replace('  ', ' ')", "idempotent",
     "'The ferry  to  Hollin   Island' became"),
    ("cleaner", 'joint: ClassVar[str] = ""', 'joint: ClassVar[str] = "-"', "blocks", "see joint"),
    ("corpus", "return \"\".join", "return '\\ud83d'.join", "text", "a text without lone surrogates"),
    ("corpus", "Random(self.seed)", "Random()", "deterministic", "the same answer to ''"),
    ("corpus", "TextgenError(f", "ValueError(f", "unknown-item",
     "a one-line TextgenError; got ValueError"),
    ("metric", 'unit: ClassVar[str] = "words"', 'unit: ClassVar[str] = "%"', "numbers",
     '0 to 1 if the unit is "%"'),
    ("reader", "yield file", "file", "documents", "documents, which are iterables of strings"),
    ("command", '"""Print a word in capitals."""', "", "arguments", "got ['no docstring']"),
    ("command", "Annotated[bool, ", "Annotated[str, ", "arguments", "got ['--json with a value']"),
    ("lexicon", "one", "One", "words", "words in lower case"),
]  # fmt: skip


@pytest.mark.parametrize("row", FAULTS, ids=lambda row: f"{row[0]} {row[3]} {row[4]}")
def test_a_fault_is_found_by_its_check(
    row: Row, install: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    code, before, after, name, words = row
    assert CODE[code].count(before) == 1
    kind = KIND_OF.get(code, code)
    [check] = [each for each in checks(kind) if each.id == f"{kind}-{name}"]
    monkeypatch.setattr(conformance, "checks", lambda _: [check])
    install("mistaken", f"[{KINDS[kind]}]\nmistaken = mistaken:Example\n", CODE[code].replace(before, after))
    [result] = run_checks(kind, import_module("mistaken").Example)
    assert result.status == "failed"
    assert words in result.reason
    assert "\n" not in result.reason


@pytest.mark.parametrize("code", sorted(CODE.keys() - EXAMPLES))
def test_without_a_fault_every_check_passes(code: str, install: Callable[..., None]) -> None:
    kind = KIND_OF.get(code, code)
    install("mistaken", f"[{KINDS[kind]}]\nmistaken = mistaken:Example\n", CODE[code])
    results = run_checks(kind, import_module("mistaken").Example)
    assert [each for each in results if each.status == "failed"] == []


def test_every_check_has_a_fault() -> None:
    tried = {f"{KIND_OF.get(code, code)}-{name}" for code, _, _, name, _ in FAULTS}
    of_classes = {"docstring", "options", "contract", "no-global-state", "deterministic"}
    for kind in {KIND_OF.get(code, code) for code in CODE}:
        ids = {each.id for each in checks(kind)} - {f"{kind}-{name}" for name in of_classes}
        assert ids <= tried
