"""`textgen import-lm-eval`: scores of lm-eval with our intervals."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from textgen.cli.console import print_json, print_rows
from textgen.cli.options import Json


def import_lm_eval(
    log: Annotated[
        Path, typer.Argument(help="Folder of lm-eval's --output_path, or a file samples_….jsonl in it.")
    ],
    as_json: Json = False,
) -> None:
    """Show the scores in a log of lm-eval (with --log_samples) with 95 % intervals over its documents."""
    from textgen.library import lm_eval_log

    scores = lm_eval_log.import_lm_eval(log)
    if as_json:
        print_json({"scores": scores})
        return
    has_several = len({each.file for each in scores}) > 1
    print_rows(
        [
            {
                **({"file": each.file} if has_several else {}),
                "task": each.task,
                "metric": each.metric,
                "value": each.value,
                "95 % interval": "-" if each.interval is None else "{:.4g} to {:.4g}".format(*each.interval),
                "documents": each.num_documents,
            }
            for each in scores
        ]
    )
