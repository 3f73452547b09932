"""The examples with which new plugins begin pass every check."""

from __future__ import annotations

import importlib
from collections.abc import Callable

import pytest

from helpers.pages import ROOT
from textgen.experiment.entry_parser import parse_entry
from textgen.registry.registry import KINDS, PluginError
from textgen_kit import new

EXAMPLES = {
    path.stem: path.read_text("utf-8")
    for path in (ROOT / "plugins" / "textgen_kit" / "examples").glob("*.py")
    if path.stem != "__init__"
}
"""The components of new projects by kind, in which each is called `Example`."""
Install = Callable[..., None]


@pytest.mark.parametrize("kind", sorted(EXAMPLES))
def test_the_examples_of_all_kinds_pass_every_check(kind: str, install: Install) -> None:
    from textgen_kit import run_checks

    kind_of, module = new.KIND_OF.get(kind, kind), f"checked_{kind}"
    install(module, f"[{KINDS[kind_of]}]\nexample = {module}:Example\n", EXAMPLES[kind])
    outcomes = run_checks(kind_of, importlib.import_module(module).Example)
    assert outcomes
    assert [outcome for outcome in outcomes if outcome.status == "failed"] == []


def test_a_refinement_with_parameters_is_refused(install: Install) -> None:
    trains = EXAMPLES["refinement"].replace("self.register_buffer(", "self.register_parameter(")
    trains = trains.replace("torch.tensor(SHARES[1])", "nn.Parameter(torch.tensor(SHARES[1]))")
    install("trains", "[textgen.models]\ntrains = trains:Example\n", trains)
    with pytest.raises(PluginError, match="so nothing trains its parameters; make them buffers"):
        parse_entry("char-ngram+trains")
