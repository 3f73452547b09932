"""A checkup in a line for each step."""

from __future__ import annotations

from textgen.reports.formats import short
from textgen_tools.checkup.steps import Checkup, StepResult


def lines(result: Checkup) -> list[dict[str, str]]:
    """Return the cells of each step by column."""
    return [
        {
            "step": each.step,
            "what": each.what,
            "outcome": each.outcome,
            "seconds": f"{each.seconds:.1f}",
            "found": _found(each),
        }
        for each in result.steps
    ]


def _found(result: StepResult) -> str:
    """Return the main number of a step, or its last line."""
    values = result.values
    if "tokens_per_second" in values:
        waits = sum(values["waits_per_update"].values())
        pace = f"{short(values['tokens_per_second'])} tokens/s, {1000 * values['update_seconds']:.1f} ms each"
        return f"{pace}, first {values['first_update_seconds']:.1f} s" + f", {waits:.1f} waits" * bool(waits)
    if "gflops" in values:
        speeds = ((name, value) for name, value in values["gflops"].items() if value)
        return ", ".join(f"{name} {value:,.0f} GFLOP/s" for name, value in speeds)
    if "scores" in values:
        return ", ".join(f"{each['name']} {each['bits_per_char']:.3f}" for each in values["scores"])
    return (result.output.strip() or "-").splitlines()[-1][:80]
