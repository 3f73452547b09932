"""`textgen score`, `describe`, `onnx`, `import-lm-eval` and `runs compare`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from textgen import defaults
from textgen.cli.completion import complete_entry_or_run, complete_name
from textgen.cli.console import print_json, print_record, print_rows, print_summary
from textgen.cli.options import (
    Json,
    Names,
    OnDevice,
    PluginFiles,
    Quiet,
    Root,
    RunFolder,
    Sampler,
    Seed,
    grouped,
    list_plugins,
    load_plugins,
    refuse,
    refusing,
    run_folder,
)
from textgen.requests import ClusterOptions, SampleOptions, TextOptions
from textgen.runtime.messages import UsageError
from textgen.runtime.output import results, say, visible_in
from textgen.runtime.storage.json_records import to_values
from textgen.runtime.storage.result_folders import RUNS

if TYPE_CHECKING:
    from collections.abc import Callable

    from textgen.library.runs import ScoredSources
    from textgen.reports.document import Report
    from textgen_tools.model_layers import Layer, ModelSummary


@grouped
def describe(
    context: typer.Context,
    what: Annotated[
        str,
        typer.Argument(
            help="An entry, or a run: its folder, or part of its name.", autocompletion=complete_entry_or_run
        ),
    ],
    vocab_size: Annotated[
        int | None,
        typer.Option(
            "--vocab-size",
            min=1,
            max=2_000_000,
            help="Tokens in the vocabulary of an entry; no text is read then.",
            show_default="that of the text",
        ),
    ] = None,
    text: Annotated[TextOptions, "corpus", "clean", "max_chars", "encoding"] = TextOptions(),
    as_json: Json = False,
    plugin: PluginFiles = None,
) -> None:
    """Show the layers of a model with their shapes and parameter counts."""
    load_plugins(plugin)
    from textgen_tools.model_layers import describe_as

    summary = describe_as(what, text, vocab_size, refusing(context))
    if as_json:
        print_json(summary)
    else:
        print_layers(summary)


def print_layers(summary: ModelSummary) -> None:
    """Print one row for each layer, and the total; frozen parameters are a column if there are any."""
    rows = [
        {
            "layer": layer.layer,
            "type": layer.type,
            "output shape": f"({', '.join(map(str, layer.output_shape))})" if layer.output_shape else "",
            **_counts(layer, summary),
        }
        for layer in summary.layers
    ]
    print_rows([*rows, {"layer": "total", "type": "", "output shape": "", **_counts(summary, summary)}])


def _counts(counted: Layer | ModelSummary, summary: ModelSummary) -> dict[str, str]:
    frozen = {"frozen": f"{counted.num_frozen_parameters:,}"} if summary.num_frozen_parameters else {}
    return {"parameters": f"{counted.num_parameters:,}", **frozen}


def onnx(
    run: RunFolder,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="New ONNX file.", show_default="RUN.onnx")
    ] = None,
    as_json: Json = False,
    plugin: PluginFiles = None,
) -> None:
    """Write a recurrent model (lstm, gru) as an ONNX file, and its tokens as JSON next to it."""
    load_plugins(plugin)
    from textgen.library.runs import load
    from textgen_tools.onnx_file import write_onnx

    loaded = load(run_folder(run), device="cpu")
    files = write_onnx(loaded.saved, out or Path(f"{loaded.folder.absolute().name}.onnx"))
    record = {**vars(files), "network": str(files.network), "tokens": str(files.tokens)}
    (print_json if as_json else print_record)(record)


def import_lm_eval(
    logs: Annotated[
        list[Path],
        typer.Argument(
            metavar="LOG...", help="Folders of lm-eval's --output_path, or files samples_….jsonl in them."
        ),
    ],
    as_json: Json = False,
) -> None:
    """Show the scores in a log of lm-eval (with --log_samples), or how those of others differ from them.

    Scores and paired differences have 95 % intervals over the documents.
    """
    from textgen_tools.lm_eval_compared import import_logs, logs_report

    result = import_logs(logs)
    if as_json:
        print_json(result)
    elif len(logs) > 1:
        _show(logs_report, result)
    else:
        has_several = len({each.file for each in result.scores}) > 1
        print_rows(
            [
                {
                    **({"file": each.file} if has_several else {}),
                    "task": each.task,
                    "metric": each.metric,
                    "value": each.value,
                    "95 % interval": "-"
                    if each.interval is None
                    else "{:.4g} to {:.4g}".format(*each.interval),
                    "documents": each.num_documents,
                }
                for each in result.scores
            ]
        )


def _show(report_of: Callable[[Any], Report], result: Any) -> None:
    """Draw a report on a terminal, or print it as Markdown when piped."""
    from textgen.library.console import VisibleConsole
    from textgen.reports.markdown import to_markdown
    from textgen.reports.terminal import render

    if results().isatty():
        render(report_of(visible_in(result)), VisibleConsole())
    else:
        say(to_markdown(report_of(result)), end="")


@grouped
def compare(
    context: typer.Context,
    names: Names,
    root: Root = RUNS,
    prompt: Annotated[
        str | None,
        typer.Option("--prompt", help="Text to continue.", show_default="those that the runs have continued"),
    ] = None,
    sampler: Sampler = defaults.SAMPLER,
    writing: Annotated[SampleOptions, "length"] = SampleOptions(),
    seed: Seed = 0,
    samples: Annotated[
        bool, typer.Option("--samples/--no-samples", help="Whether samples are shown.")
    ] = True,
    cluster: OnDevice = ClusterOptions(),
    as_json: Json = False,
    plugin: PluginFiles = None,
) -> None:
    """Compare runs, or the best entries of benches: scores, differing settings, and what they write."""
    list_plugins(plugin)
    from textgen.runtime.device import choose_device
    from textgen_tools import compared_runs
    from textgen_tools.run_report import MAX_RUNS, run_report

    if not samples:
        refuse(context, ["--prompt", "--sampler", "--length", "--seed", "--device"], "with --no-samples")
    if not 2 <= len(names) <= MAX_RUNS:
        raise UsageError(f"give 2 to {MAX_RUNS} runs to compare, not {len(names)}")
    options = None
    if samples:
        options = compared_runs.WritingOptions(
            prompt=prompt or None,
            sampler=defaults.SAMPLER if sampler == defaults.EQUAL_SAMPLER else sampler,
            num_chars=writing.length,
            seed=seed,
            device_config=choose_device(cluster.device, "fp32"),
        )
    result = compared_runs.compare(names, root, options)
    if as_json:
        print_json(result)
    else:
        _show(run_report, result)


@grouped
def score(
    context: typer.Context,
    run: RunFolder,
    texts: Annotated[
        list[str],
        typer.Argument(
            help="Texts: paths, corpus names, or - for standard input; joined.",
            autocompletion=complete_name("corpus"),
        ),
    ],
    clean: Annotated[
        str | None,
        typer.Option(
            "--clean",
            help="Cleaner of the text.",
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
    from textgen.library.corpus import check_encoding
    from textgen.library.presentation import PROMPT, command
    from textgen.library.progress import ProgressDisplay
    from textgen.library.runs import load

    check_encoding(texts, refusing(context))
    loaded = load(run_folder(run), device=cluster.device, precision="fp32")
    with ProgressDisplay(quiet=quiet) as display:
        scored = loaded.score_sources(texts, clean=clean, encoding=text.encoding, report=display)
    about = {"text": scored.text, "cleaner": scored.cleaner, "num_chars": scored.num_chars}
    record = {**about, **to_values(scored.score), "score_checks": scored.checks}
    lines = score_lines(loaded.entry, scored)
    print_summary(record, as_json, lines, command("sample", str(run), PROMPT))


def score_lines(entry: str, scored: ScoredSources) -> list[str]:
    """Return how a run scores on a text, and where the bits go."""
    from textgen.library.presentation import bits_line, score_line
    from textgen.reports.formats import count, perplexity

    score = scored.score
    return [
        f"{entry}: {score_line(score, scored.text)}",
        bits_line(score),
        f"{count(scored.num_chars)} characters, cleaner {scored.cleaner}; perplexity per word "
        f"{perplexity(score.perplexity_per_word)}; {100 * score.oov_rate:.1f} % of words out of vocabulary",
    ]
