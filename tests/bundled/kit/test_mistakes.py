"""Mistakes that authors make in the examples of the kit: each is one row, under the name of its check."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import textgen_kit
from helpers.commands import forget_plugin_files
from textgen.registry.registry import KINDS
from textgen.registry.single_file import load_plugin_file
from textgen_kit import CheckResult, failures, run_checks
from textgen_kit.runner import Check, checked

Install = Callable[..., None]
READER = '''"""A reader."""

from __future__ import annotations


class Example:
    """One text in a file of its own suffix."""

    suffixes = (".mistaken",)

    def documents(self, file, field):
        """Yield the text."""
        yield file.pieces()
'''
COMMAND = '''"""A command."""

from __future__ import annotations

from typing import Annotated

import typer

def example(digits: Annotated[int, typer.Option("--digits", help="Decimal places.")] = 3) -> None:
    """Print a number."""
    print(round(2 / 3, digits))
'''
KIND_OF = {"refinement": "model"}
LAST = "return self.output(torch.tanh(self.hidden(features)))"
CHOSEN = "return sample_categorical(kept, uniforms)"
CLEANED = "return text.lower() if self.lower_case else text"
DECLARED = ': Annotated[int, typer.Option("--digits", help="Decimal places.")]'
DRAWN = "return kept.softmax(-1).multinomial(1)[:, 0]"
JOINED = "in ' '.join(text.split()) for"
WORD_SAMPLER = (
    "\n\nfrom textgen.generation.sampling import WordSampler\n\n\n@dataclass\nclass Example(WordSampler):\n"
    '    """Of words."""\n    temperature: float = 1.0\n\n    def truncate(self, log_weights, entropies):\n'
    "        return log_weights\n"
)
MISTAKES = [
    # of samplers
    (CHOSEN, f"{CHOSEN}.numpy()", "sampler-ids", "expected a tensor of ids; got array"),
    (CHOSEN, f"{CHOSEN}[:, None]", "sampler-ids", "ids [1] of torch.int64; got [1, 1] of torch.int64"),
    (CHOSEN, CHOSEN + WORD_SAMPLER, "sampler-ids", "their log-weights from truncate; got Tensor"),
    (CHOSEN, DRAWN, "sampler-no-global-state", "of torch; use the uniforms that it is given"),
    ("< floor", "> floor", "sampler-ids", "those of sample_categorical are if every token is excluded"),
    # of cleaners, embeddings and others
    (CLEANED, "return text.encode()", "cleaner-any-text", "expected a string from ''; got bytes"),
    (CLEANED, CLEANED.replace("return", "text ="), "cleaner-any-text", "got NoneType"),
    ("WordVectors(words, np.stack(vectors))", "{}", "embedding-vectors", "expected WordVectors; got dict"),
    ("np.stack(vectors)", "np.stack(vectors).mean(1)", "embedding-vectors", "for each word; got [299]"),
    ("in text for", JOINED, "tokenizer-lossless", r"her coat.\n\nThe lighthouse had' became ' her coat. The"),
    ("else None", "else float('nan')", "metric-numbers", "returned nan instead of a finite number"),
    ("TextgenError(f", "ValueError(f", "corpus-unknown-item", "TextgenError for the item 'no/such item'"),
    # of readers and commands
    ("yield file", "file", "reader-documents", "documents to be returned or yielded; got NoneType"),
    ("yield file.pieces()", "return 'a text'", "reader-documents", "returned or yielded; got str"),
    ("file.pieces()", "open(file.where)", "reader-documents", "file.where is no path: [Errno"),
    ("file.pieces()", "[1 / 0]", "reader-any-file", "line 13), while reading an empty file; make it a Text"),
    (".mistaken", ".html", "reader-suffixes", "that no other reader has; .html is that of"),
    (DECLARED, "", "command-arguments", "expected annotations of digits"),
    ("2 / 3", "TWO / 3", "command-names", "names that its file defines or imports; TWO is not"),
    ("print(round(2 / 3, digits))", "return digits", "command-names", "a value, which is not shown"),
    # of models
    ("= 128", "", "model-options", "a default for the argument size"),
    ("= 0.5", "= 1.5", "model-options", "input should be less than 1"),
    ('"learning_rate"', '"lr"', "model-recommended-training", "unknown option 'lr'"),
    (LAST, LAST + ".sigmoid()", "model-probabilities", "between 0 and 1, as after a sigmoid"),
    (LAST, LAST + " / 0", "model-probabilities", "some are infinite or NaN"),
    (LAST, LAST + "[:, -1]", "model-shapes", "forward must return logits [batch, time, vocab_size]"),
    ("new_zeros(batch", "new_zeros(1, batch", "model-shapes", "expected the batch, 2, first in the state"),
    ("cat([vectors,", "cat([vectors.roll(-1, 1),", "model-causal", "when the tokens from there change"),
    ("vectors = ", "print('ids')\n        vectors = ", "model-no-global-state", "prints 'ids' to stdout"),
    ("None if self.base is None else ", "", "model-contract", "while its base is None"),
    ("base.forward(", "base(", "model-refinement", "expected base.forward(ids, state); the base"),
]
"""What is replaced in the example of a kind and by what, the check that finds that, words of its reason."""


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_one_row(mistake: tuple[str, str, str, str], install: Install, capfd: Any) -> None:
    before, after, check, words = mistake
    name = "refinement" if "base" in words else check.partition("-")[0]
    kind = KIND_OF.get(name, name)
    example = Path(textgen_kit.__file__).parent / "examples" / f"{name}.py"
    code = {"reader": READER, "command": COMMAND}.get(name) or example.read_text("utf-8")
    assert code.count(before) == 1
    target = "example" if name == "command" else "Example"
    install("mistaken", f"[{KINDS[kind]}]\nmistaken = mistaken:{target}\n", code.replace(before, after))
    results = run_checks(kind, getattr(import_module("mistaken"), target))
    (row,) = [*failures(results), *(each for each in results if each.status == "warning")]
    assert (row.check, words in row.reason) == (check, True), row.reason
    assert capfd.readouterr().out == ""


def test_what_would_fail_for_the_cause_of_another_check_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(_: object) -> None:
        raise KeyError("fault")

    def run(*names: str) -> list[str]:
        of_kind = [Check("model", f"model-{name}", fails) for name in names]
        monkeypatch.setattr("textgen_kit.runner.checks", lambda _: of_kind)
        return [result.check.removeprefix("model-") for result in run_checks("model", object)]

    assert run("contract", "learns", "pitfalls") == ["contract"]
    assert run("docstring", "search", "contract") == ["docstring", "search", "contract"]
    assert run("evaluation-mode", "causal", "randomness", "saved", "seed") == ["evaluation-mode", "seed"]
    assert run("pure", "waiting-step", "saved-vectors", "gradients") == ["pure", "gradients"]
    assert run("causal", "chunks", "training-mode", "batch") == ["causal", "batch"]
    assert run("chunks", "joined-states", "step-bf16", "batch") == ["chunks", "batch"]
    assert run("batch", "chunks") == ["batch", "chunks"]


def test_failures_of_one_cause_are_reported_once() -> None:
    one, other = CheckResult("a", "failed", "expected this"), CheckResult("b", "failed", "expected that")
    assert failures([one, CheckResult("c", "passed", ""), other]) == [one, other]
    (merged,) = failures([one, CheckResult("d", "failed", one.reason)])
    assert merged == CheckResult("a", "failed", "expected this (and 1 more check)")
    crash = CheckResult("a", "failed", "KeyError: 1 (a.py, line 3)", "a.py, line 3")
    (merged,) = failures([crash, replace(crash, reason="KeyError: 2 (a.py, line 3)"), crash])
    assert merged.reason == f"{crash.reason} (and 2 more checks)"


def test_a_command_of_a_file_that_imports_numpy_at_its_top_is_warned_of(tmp_path: Path) -> None:
    path = tmp_path / "example.py"
    head = "import numpy\nimport typer\nfrom textgen.contracts import command\n"
    path.write_text(COMMAND.replace("import typer\n", head).replace("def example", "@command\ndef example"))
    (plugin,) = load_plugin_file(path)
    (light,) = [each for each in checked(plugin, plugin.name) if each.check == "command-light"]
    assert light.status == "warning"
    assert light.reason.startswith("imports numpy at the top")
    forget_plugin_files()
