"""The command line: thin commands; what is heavy is imported inside them."""

from __future__ import annotations

import io
import os
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import Annotated, Any

import typer

from textgen import __version__, cli_plugins
from textgen.api import TextgenError
from textgen.cli_options import (
    BudgetText,
    Clean,
    Device,
    Encoding,
    Json,
    Length,
    MaxChars,
    Out,
    PluginFiles,
    Precision,
    Samplers,
    Seed,
    Sources,
    Split,
)
from textgen.output import fail, flat, new_name, note, print_figures, print_result, printable

USAGE_ERROR: Any = typer.BadParameter.__mro__[2]
"""The base of all that Typer finds wrong with a command line."""

INTERRUPTED = 130
"""The exit code after Ctrl-C, by the shell's convention."""

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

app.add_typer(cli_plugins.app, name="plugins")


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"textgen {__version__}")
        raise typer.Exit


@app.callback()
def textgen(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Compare text-generation language models: any tokenizer, model and embedding, one text, one budget."""


@app.command()
def bench(
    entries: Annotated[
        list[str], typer.Argument(help="Such as char-lstm word-lstm-glove random char-lstm:num_layers=1.")
    ],
    corpus: Sources = ["wiki"],
    clean: Clean = "clean",
    split: Split = "90/5/5",
    max_chars: MaxChars = None,
    encoding: Encoding = "utf-8",
    budget: BudgetText = "60s",
    seed: Seed = 0,
    seeds: Annotated[int, typer.Option("--seeds", min=1, help="Train each entry so many times.")] = 1,
    device: Device = "auto",
    precision: Precision = "auto",
    prompt: Annotated[
        list[str] | None,
        typer.Option(
            "--prompt", help="Text to continue; repeatable.", show_default="passages of the test text"
        ),
    ] = None,
    sampler: Samplers = ["temperature:temperature=0.8"],
    length: Length = 400,
    out: Out = None,
    as_json: Json = False,
    plugin: PluginFiles = None,
) -> None:
    """Train entries side by side on one text and compare scores, samples, speed and size."""
    from textgen.bench import BenchOptions
    from textgen.bench import bench as compare
    from textgen.budget import parse_budget
    from textgen.corpus import load_corpus
    from textgen.device import choose_compute
    from textgen.entry import parse_entries
    from textgen.progress import ProgressDisplay

    spent = parse_budget(budget)
    parsed, broken = parse_entries(entries)
    text = load_corpus(corpus, clean, split, max_chars, encoding)
    options = BenchOptions(
        budget=spent,
        compute=choose_compute(device, precision),
        seed=seed,
        num_seeds=seeds,
        prompts=prompt or (),
        samplers=tuple(dict.fromkeys(sampler)),
        num_chars=length,
        broken=broken,
    )
    folder = out or new_name("bench")
    with ProgressDisplay() as display, redirect_stdout(sys.stderr):
        result = compare(parsed, text, options, folder, display)
    print_result(result, as_json)
    note(f"saved in {folder}")
    if all(row["error"] for row in result["entries"]):
        raise TextgenError("every entry failed; the result says why")


@app.command()
def train(
    entry: Annotated[str, typer.Argument(help="Such as char-lstm or word-lstm-glove:hidden_size=512.")],
    corpus: Sources = ["wiki"],
    clean: Clean = "clean",
    split: Split = "90/5/5",
    max_chars: MaxChars = None,
    encoding: Encoding = "utf-8",
    budget: BudgetText = "60s",
    seed: Seed = 0,
    device: Device = "auto",
    precision: Precision = "auto",
    out: Out = None,
    as_json: Json = False,
    plugin: PluginFiles = None,
) -> None:
    """Train and score one entry; the folder it writes is what `sample` and `score` read."""
    from textgen.budget import parse_budget
    from textgen.corpus import load_corpus
    from textgen.device import choose_compute
    from textgen.entry import parse_entry
    from textgen.experiment import Experiment
    from textgen.files import make_folder
    from textgen.progress import ProgressDisplay
    from textgen.runs import save_run

    spent = parse_budget(budget)
    parsed = parse_entry(entry)
    text = load_corpus(corpus, clean, split, max_chars, encoding)
    experiment = Experiment(parsed, text, spent, choose_compute(device, precision), seed)
    folder = out or new_name("train")
    if folder.exists():
        raise TextgenError(f"{str(folder)!r} exists already; choose another --out")
    make_folder(folder.parent)
    with ProgressDisplay() as display, redirect_stdout(sys.stderr):
        run = experiment.run(lambda progress: display(entry, progress))
    save_run(folder, run)
    result = run.manifest["result"]
    print_figures(result if as_json else flat(result), as_json)
    note(f"saved in {folder}")


@app.command()
def sample(
    run: Annotated[Path, typer.Argument(help="Folder of a run.")],
    prompt: Annotated[str, typer.Option("--prompt", help="Text to continue.")] = "",
    length: Length = 400,
    sampler: Annotated[
        str, typer.Option("--sampler", help="Such as top-p:p=0.9.")
    ] = "temperature:temperature=0.8",
    number: Annotated[int, typer.Option("--number", min=1, help="How many samples.")] = 1,
    seed: Seed = 0,
    device: Device = "auto",
    precision: Precision = "auto",
    as_json: Json = False,
    plugin: PluginFiles = None,
) -> None:
    """Write text with a trained run; a single sample appears as it is written."""
    from textgen.device import choose_compute
    from textgen.generate import Generator
    from textgen.options import build
    from textgen.runs import load_run

    choose = build("sampler", sampler)
    compute = choose_compute(device, precision)
    loaded = load_run(run, compute.device)
    generator = Generator(loaded.model, loaded.tokenizer, compute)
    if number == 1 and not as_json:
        sys.stdout.write(printable(prompt))
        for piece in generator.stream(prompt, length, choose, seed):
            sys.stdout.write(printable(piece))
            sys.stdout.flush()
        sys.stdout.write("\n")
        return
    seeds = [seed + index for index in range(number)]
    texts = generator.generate([prompt] * number, length, choose, seeds)
    if as_json:
        rows = [
            {"prompt": prompt, "sampler": sampler, "seed": each, "text": text}
            for each, text in zip(seeds, texts, strict=True)
        ]
        print_figures({"samples": rows}, as_json)
        return
    for each, text in zip(seeds, texts, strict=True):
        print(f"--- seed {each}\n{printable(prompt + text)}")


@app.command()
def score(
    run: Annotated[Path, typer.Argument(help="Folder of a run.")],
    texts: Annotated[list[str], typer.Argument(help="A path, a corpus name, or - for standard input.")],
    clean: Annotated[
        str | None, typer.Option("--clean", help="Cleaner of the text.", show_default="that of the run")
    ] = None,
    encoding: Encoding = "utf-8",
    device: Device = "auto",
    as_json: Json = False,
    plugin: PluginFiles = None,
) -> None:
    """Score a text with a trained run, in bits per character with everything charged."""
    from textgen.corpus import load_text
    from textgen.device import choose_compute
    from textgen.experiment import score_any
    from textgen.runs import load_run

    compute = choose_compute(device, "fp32")
    loaded = load_run(run, compute.device)
    cleaner = clean or loaded.manifest["settings"]["corpus"]["cleaner"]
    name, text = load_text(texts, cleaner, encoding)
    figures = {
        "text": name,
        "cleaner": cleaner,
        "num_chars": len(text),
        **score_any(loaded, text, compute.device),
    }
    print_figures(figures if as_json else flat(figures), as_json)


@app.command()
def describe(
    what: Annotated[str, typer.Argument(help="An entry, or the folder of a run.")],
    corpus: Sources = ["wiki"],
    clean: Clean = "clean",
    max_chars: MaxChars = None,
    encoding: Encoding = "utf-8",
    as_json: Json = False,
    plugin: PluginFiles = None,
) -> None:
    """Show the layers of a model with their shapes and parameter counts."""
    from textgen.describe import describe_entry, describe_run, print_layers

    if os.path.exists(os.path.join(what, "run.json")) or "/" in what.partition(":")[0]:
        description = describe_run(Path(what))
    else:
        from textgen.corpus import load_corpus
        from textgen.entry import parse_entry

        entry = parse_entry(what)
        description = describe_entry(
            entry, load_corpus(corpus, clean, max_chars=max_chars, encoding=encoding)
        )
    if as_json:
        print_figures(description, as_json)
    else:
        print_layers(description)


@app.command("corpus")
def show_corpus(
    sources: Annotated[
        list[str] | None, typer.Argument(help="A name, a path or -; nothing lists the names.")
    ] = None,
    clean: Clean = "clean",
    split: Split = "90/5/5",
    max_chars: MaxChars = None,
    encoding: Encoding = "utf-8",
    diff: Annotated[bool, typer.Option("--diff", help="Show the lines that the cleaner changes.")] = False,
    as_json: Json = False,
    plugin: PluginFiles = None,
) -> None:
    """List corpora, show the statistics of one, or show what a cleaner changes in it."""
    from textgen import corpus_view

    if not sources:
        listed = {"corpora": corpus_view.items()}
        print_figures(listed if as_json else listed["corpora"], as_json)
    elif diff:
        sys.stdout.writelines(printable(line) for line in corpus_view.changes(sources, clean, encoding))
    else:
        from textgen.corpus import load_corpus

        figures = corpus_view.statistics(load_corpus(sources, clean, split, max_chars, encoding))
        print_figures(figures if as_json else flat(figures), as_json)


def main() -> None:
    """Run the command line: one line and a code for every expected failure."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal may lack characters that a model writes
    try:
        code = app(standalone_mode=False)
        sys.stdout.flush()
    except USAGE_ERROR as error:
        command = error.ctx.command_path if getattr(error, "ctx", None) else "textgen"
        fail(f"{error.format_message().rstrip('.') or 'no command given'} (see {command} --help)", 2)
    except BrokenPipeError:  # the reader of a pipe has seen enough, as Typer notices before the last flush
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 1
    except (Exception, SystemExit) as error:
        reason = expected(error)
        if reason is None:
            raise
        fail(reason, 1)
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    if code == INTERRUPTED:  # so Typer returns from a KeyboardInterrupt
        fail("interrupted; finished runs are kept", code)
    sys.exit(code)


def expected(error: BaseException) -> str | None:
    """Return the line that an error ends with, or None if it is a mistake of textgen itself."""
    from textgen.registry import culprit, explain

    if isinstance(error, TextgenError):
        return str(error)
    is_from_torch = isinstance(error, RuntimeError) and "memory" in f"{type(error).__name__} {error}".lower()
    if isinstance(error, MemoryError) or is_from_torch:
        return "out of memory; take a smaller model, batch_size or sequence_length"
    if isinstance(error, OSError):  # such as a full disk
        return f"{error.strerror or error}: {error.filename or 'a file or connection'}"
    return explain(error) if culprit(error) else None


if __name__ == "__main__":
    main()
