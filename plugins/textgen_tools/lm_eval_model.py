"""A run as the model `textgen` of EleutherAI's lm-eval, whose arguments are `run` and `sampler`.

`python -m textgen_tools.lm_eval_model` is the command of lm-eval with this model.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from lm_eval.api.model import LM
from lm_eval.api.registry import register_model

from textgen.contracts import TextgenError
from textgen.data.bound_tokenizer import START
from textgen.evaluation.token_bits import LOG2, bits_of, predict_stretches
from textgen.experiment.score_run import score_any
from textgen.library.runs import load
from textgen.runtime.output import note

if TYPE_CHECKING:
    from lm_eval.api.instance import Instance

MAX_TOKENS = 256
"""Tokens that are written where a request names no `max_gen_toks`."""
MAX_TOKEN_CHARS = 64
"""Characters that are expected of a token, at most."""


@register_model("textgen")
class TextgenLM(LM):  # type: ignore[misc] # lm-eval has no types
    """A run, which reads each text from where a paragraph begins, whole and however long it is."""

    def __init__(self, run: str, device: str | None = None, sampler: str = "greedy", **_: Any) -> None:
        """Load a run; what else lm-eval tells every model, such as a batch size, has no effect."""
        super().__init__()
        self._run = load(run, device=device or "auto", precision="auto")
        self._sampler = sampler

    def loglikelihood(self, requests: Sequence[Instance]) -> list[tuple[float, bool]]:
        """Return the log-likelihood of each continuation in nats, and whether greedy decoding writes it.

        Both are tokenized together, and the tokens that reach beyond the context count.
        """
        return [self._continued(*request.args) for request in requests]

    def loglikelihood_rolling(self, requests: Sequence[Instance]) -> list[float]:
        """Return the log-likelihood of each whole text in nats, from the bits of its score."""
        texts = (request.args[0] for request in requests)
        return [-LOG2 * self._bits(text) if text else 0.0 for text in texts]

    def generate_until(self, requests: Sequence[Instance]) -> list[str]:
        """Return what is written after each context, up to the first of the strings in `until`.

        The sampler is that of the model; what a task says of one has no effect.
        """
        return [self._written(*request.args) for request in requests]

    def _bits(self, text: str) -> float:
        return score_any(self._run.saved, text, self._run.config.device).checks.total_bits

    def _continued(self, context: str, continuation: str) -> tuple[float, bool]:
        saved = self._run.saved
        ids = saved.encode(context + continuation)
        counts = np.cumsum(saved.tokenizer.table.num_chars[ids]) > len(context)
        bits, is_likeliest = np.zeros(len(ids)), np.zeros(len(ids), bool)
        start, device = saved.tokenizer.encode(START), self._run.config.device
        with torch.inference_mode():
            for window in predict_stretches(saved.model, [ids], start, device):
                window.store(bits_of(window.logits, window.targets), [bits])
                window.store(window.logits.argmax(-1) == window.targets, [is_likeliest])
        return -LOG2 * float(bits[counts].sum()), bool(is_likeliest[counts].all())

    def _written(self, context: str, options: Mapping[str, Any]) -> str:
        until = options.get("until") or []
        stops = [until] if isinstance(until, str) else list(until)
        number = int(options.get("max_gen_toks", MAX_TOKENS))
        pieces = self._run.stream(context, length=MAX_TOKEN_CHARS * number, sampler=self._sampler)
        text = ""
        for piece in islice(pieces, number):
            text += piece
            if found := [place for stop in stops if stop and (place := text.find(stop)) >= 0]:
                return text[: min(found)]
        return text


if __name__ == "__main__":
    from lm_eval.__main__ import cli_evaluate

    try:
        cli_evaluate()
    except TextgenError as error:
        note(f"error: {error}")
        sys.exit(1)
