"""`textgen score`: bits per character of a text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from textgen.cli.console import show
from textgen.cli.options import (
    Json,
    OnDevice,
    PluginFiles,
    Quiet,
    RunFolder,
    complete_name,
    grouped,
    load_plugins,
    run_folder,
)
from textgen.requests import ClusterOptions, TextOptions
from textgen.runtime.storage.json_records import to_values

if TYPE_CHECKING:
    from textgen.library.runs import ScoredSources


@grouped
def score(
    run: RunFolder,
    texts: Annotated[
        list[str],
        typer.Argument(
            help="Paths, corpus names, or - for standard input; several are joined.",
            autocompletion=complete_name("corpus"),
        ),
    ],
    clean: Annotated[
        str | None,
        typer.Option(
            "--clean",
            help="Cleaner to apply to the text.",
            show_default="the run's",
            autocompletion=complete_name("cleaner"),
        ),
    ] = None,
    text: Annotated[TextOptions, "encoding"] = TextOptions(),
    cluster: OnDevice = ClusterOptions(),
    as_json: Json = False,
    quiet: Quiet = False,
    plugin: PluginFiles = None,
) -> None:
    """Score a text with a trained run, in bits per character of the whole text."""
    load_plugins(plugin)
    folder = run_folder(run)
    from textgen.library.presentation import PROMPT, brief_report, command
    from textgen.library.progress import ProgressDisplay
    from textgen.library.runs import load

    loaded = load(folder, device=cluster.device, precision="fp32")
    with ProgressDisplay(quiet=quiet) as display:
        scored = loaded.score_sources(texts, clean=clean, encoding=text.encoding, report=display)
    about = {"text": scored.text, "cleaner": scored.cleaner, "num_chars": scored.num_chars}
    record = {**about, **to_values(scored.score), "score_checks": scored.checks}
    advice = command("sample", str(run), "--prompt", PROMPT)
    lines = score_lines(loaded.entry, scored)
    show(record, lambda _: brief_report("score", record, lines, advice), as_json=as_json)


def score_lines(entry: str, scored: ScoredSources) -> list[str]:
    """Return the score of a run on a text, and where the bits go."""
    from textgen.library.presentation import bits_line, score_line
    from textgen.reports.formats import count, perplexity

    score = scored.score
    return [
        f"{entry}: {score_line(score, scored.text)}",
        bits_line(score),
        f"{count(scored.num_chars)} characters, cleaner {scored.cleaner}; perplexity per word "
        f"{perplexity(score.perplexity_per_word)}; {100 * score.oov_rate:.1f} % of words out of vocabulary",
    ]
