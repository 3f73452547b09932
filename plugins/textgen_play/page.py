"""The page itself."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

from textgen import defaults
from textgen.page.render import render_live_page


def play_page(runs: list[dict[str, Any]], *, is_relayed: bool = False) -> str:
    """Return the page for these runs.

    It asks the server that it comes from; one that is relayed has none, and asks what embeds it.
    """
    names = [run["name"] for run in runs]
    labels = [
        run["name"] if names.count(run["name"]) == 1 else f"{run['name']}, seed {run['seed']}" for run in runs
    ]
    labels = [
        label if labels.count(label) == 1 else f"{label} ({number})"
        for number, label in enumerate(labels, start=1)
    ]
    data = {
        "runs": [run | {"name": label} for run, label in zip(runs, labels, strict=True)],
        "sampler": defaults.SAMPLER,
        "length": 200,
        "is_relayed": is_relayed,
    }
    return render_live_page(
        f"Play: {', '.join(names)}",
        asset("play.html", "templates"),
        asset("play.css"),
        data,
        [asset(name) for name in ("play_relay.js", "play.js", "play_guess.js")],
        asks="'none'" if is_relayed else "'self'",
    )


@cache
def asset(name: str, folder: str = "assets") -> str:
    """Return a style sheet, script or template of this package."""
    return files("textgen_play").joinpath(folder, name).read_text("utf-8")
