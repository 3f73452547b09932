"""The page itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

from textgen import defaults
from textgen.page import render
from textgen.page.render import render_with_scripts

SCRIPTS = ("play.js", "play_guess.js")


def play_page(runs: list[dict[str, Any]]) -> str:
    """Return the page for these runs; it asks the server that it comes from."""
    names = short_names(runs)
    data = {
        "runs": [run | {"name": name} for run, name in zip(runs, names, strict=True)],
        "sampler": defaults.SAMPLER,
        "length": 200,
    }
    return render_with_scripts(
        render.environment().from_string(asset("play.html", "templates")),
        [*map(render.asset, render.SCRIPTS), *map(asset, SCRIPTS)],
        asset("play.css"),
        "connect-src 'self'",
        title=f"Play: {', '.join(names)}",
        data=data,
    )


def short_names(runs: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return a name for each run: its entry without options that all such entries share, and what differs.

    That is the text, the seed, or else the place among the runs. Snapshots are not named.
    """
    parts = [run["entry"].partition(":") for run in runs]
    options = [
        [each for each in rest.split(",") if not each.endswith("snapshots=true")] for *_, rest in parts
    ]
    names = []
    for (head, *_), own in zip(parts, options, strict=True):
        same = [each for each, (other, *_) in zip(options, parts, strict=True) if other == head]
        differing = [each for each in own if any(each not in other for other in same)]
        names.append(head + ":" * bool(differing) + ",".join(differing))
    for told in ("{name} on {text}", "{name}, seed {seed}", "{name} ({place})"):
        numbered = enumerate(zip(names, runs, strict=True), start=1)
        longer = [told.format(name=name, place=place, **run) for place, (name, run) in numbered]
        forms = {
            name: {long for each, long in zip(names, longer, strict=True) if each == name} for name in names
        }
        names = [long if len(forms[name]) > 1 else name for name, long in zip(names, longer, strict=True)]
    return names


@cache
def asset(name: str, folder: str = "assets") -> str:
    """Return a style sheet, script or template of this package."""
    return files("textgen_play").joinpath(folder, name).read_text("utf-8")
