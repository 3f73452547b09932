"""Causal language models in the format of Hugging Face's `transformers`, from local files, as yardsticks.

Each stretch of text is encoded as a whole, without special tokens. A window holds at most as many tokens as
the model's context, and at most `MAX_CONTEXT`; each window begins half of that later than the one before, and
of its predictions those count that no earlier window made. So each token is scored once, with at least half a
window before it (or all that precedes it in the stretch), in fp32.

The first token of a window is predicted after the token that begins a text: the tokenizer's BOS token,
otherwise its EOS token. Without both, the first token of a stretch costs log2 of the number of tokens.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from textgen.contracts import TextgenError
from textgen.runtime.messages import one_line, reason_of, require_extra
from textgen.runtime.storage.files import read_json

MAX_CONTEXT = 2048
"""Tokens of a window, at most: the logits of a window of a model with 128,000 tokens then fill a gigabyte."""
NUM_TRIED = 16
"""Tokens on which it is tried whether predictions depend on later tokens."""
SAME_LOGITS = 1e-3
"""Change of logits that rounding may cause."""


@dataclass
class HuggingFace:
    """A causal language model and its tokenizer, a folder that `save_pretrained` wrote."""

    path: str
    description: str = field(default="", init=False)
    num_parameters: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        """Look at the files; raises `TextgenError` if one is missing, unsafe or needs code of its own."""
        require_extra("transformers", "hf", "hf:PATH needs the package transformers")
        folder = Path(self.path)
        if not self.path or not folder.is_dir():
            raise self._error("is not a folder; give the folder of a model (nothing is downloaded)")
        for name in ("config.json", "tokenizer.json"):
            if not (folder / name).is_file():
                raise self._error(f"has no {name}; create it with save_pretrained of transformers")
        for name in ("config.json", "tokenizer_config.json"):
            if (folder / name).is_file() and "auto_map" in self._read(folder / name):
                raise self._error(f"needs custom code (auto_map in {name}), which textgen does not run")
        if not any(folder.glob("*.safetensors")):
            raise self._error("has no weights in safetensors; other formats are not read, as they run code")

    def score(
        self, stretches: Sequence[str], device: torch.device, report: Callable[[float], None]
    ) -> Iterator[NDArray[np.float64]]:
        """Yield the bits of the characters of each stretch, those of a token at its first character.

        Raises `TextgenError` if the tokens do not spell the text, if the model cannot be loaded, and if it is
        not causal.
        """
        tokenizer = self._tokenizer()
        encoded = [self._encode(tokenizer, text) for text in stretches]
        model = self._model().to(device)
        context = getattr(model.config.get_text_config(), "max_position_embeddings", None) or MAX_CONTEXT
        context = min(int(context), MAX_CONTEXT)
        self.num_parameters = sum(parameter.numel() for parameter in model.parameters())
        self.description = (
            f"{type(model).__name__} over {len(tokenizer):,} tokens, in windows of {context:,}, by "
            f"transformers {version('transformers')}; it was trained elsewhere, perhaps on this text"
        )
        first = tokenizer.bos_token_id if tokenizer.bos_token_id is not None else tokenizer.eos_token_id
        start = torch.tensor([] if first is None else [first], dtype=torch.int64, device=device)
        num_scored, num_tokens = 0, sum(len(ids) for ids, _ in encoded)
        for text, (ids, places) in zip(stretches, encoded, strict=True):
            bits, tokens = np.zeros(len(text)), torch.tensor(ids, dtype=torch.int64, device=device)
            if not num_scored and _looks_ahead(model, tokens[:NUM_TRIED]):
                raise self._error("sees later tokens when it predicts, so it is not a causal language model")
            for begin, new, end in windows(len(ids), context):
                scored = bits_of(model, start, tokens[begin:end])[new - begin :]
                np.add.at(bits, places[new:end], scored.numpy())
                num_scored += end - new
                report(num_scored / num_tokens)
            yield bits

    def _tokenizer(self) -> Any:
        os.environ["HF_HUB_OFFLINE"] = "1"  # of this process, which does nothing else
        from transformers import AutoTokenizer, logging

        logging.set_verbosity_error()
        logging.disable_progress_bar()
        try:
            return AutoTokenizer.from_pretrained(self.path, local_files_only=True, trust_remote_code=False)
        except Exception as error:
            raise self._error(f"has a tokenizer that cannot be loaded: {one_line(error)}") from error

    def _encode(self, tokenizer: Any, text: str) -> tuple[list[int], NDArray[np.int64]]:
        """Return the tokens of a text, and the character that each begins in.

        Special tokens are never among them: text that looks like one is encoded as any other.
        """
        try:
            encoded = tokenizer(
                text,
                add_special_tokens=False,
                split_special_tokens=True,
                return_offsets_mapping=True,
                truncation=False,
                verbose=False,
            )
            ids = encoded["input_ids"]
            decoded = tokenizer.decode(ids, skip_special_tokens=False, clean_up_tokenization_spaces=False)
        except Exception as error:
            raise self._error(f"has a tokenizer that cannot encode the text: {one_line(error)}") from error
        if not set(ids).isdisjoint(tokenizer.all_special_ids):
            raise self._error("has a tokenizer that encodes text as a special token, so no score")
        if decoded != text:
            shorter = min(len(text), len(decoded))
            place = next((each for each in range(shorter) if text[each] != decoded[each]), shorter)
            before, after = (ascii(each[place : place + 20]) for each in (text, decoded))
            raise self._error(f"has a tokenizer that loses text, so no score: {before} becomes {after}")
        return ids, np.minimum([begin for begin, _ in encoded["offset_mapping"]], len(text) - 1)

    def _model(self) -> Any:
        from transformers import AutoModelForCausalLM

        try:
            model, loaded = AutoModelForCausalLM.from_pretrained(
                self.path,
                local_files_only=True,
                trust_remote_code=False,
                use_safetensors=True,
                output_loading_info=True,
            )
        except Exception as error:
            raise self._error(f"cannot be loaded as a causal language model: {one_line(error)}") from error
        if missing := sorted(loaded["missing_keys"]):
            raise self._error(f"is missing weights of a causal language model, such as {missing[0]}")
        return model.float().eval()

    def _read(self, path: Path) -> dict[str, Any]:
        try:
            return dict(read_json(path))
        except (OSError, TypeError, ValueError) as error:
            raise self._error(f"has a {path.name} that cannot be read: {reason_of(error)}") from None

    def _error(self, what: str) -> TextgenError:
        return TextgenError(f"hf:{self.path} {what}")


def windows(num_tokens: int, context: int) -> Iterator[tuple[int, int, int]]:
    """Yield the begin of each window, the first of its tokens that no earlier window has, and its end."""
    end = 0
    for begin in range(0, num_tokens, max(1, context // 2)):
        if end < num_tokens:
            new, end = end, min(begin + context, num_tokens)
            yield begin, new, end


@torch.inference_mode()
def bits_of(model: Any, start: Tensor, tokens: Tensor) -> Tensor:
    """Return the bits of each token of a window after `start`, the token that begins a text if there is one.

    Without one, the first token is as likely as any other.
    """
    read = torch.cat([start, tokens])
    bits = torch.full([len(tokens)], math.log2(_vocab_size(model)), dtype=torch.float64)
    if len(read) > 1:
        nats = F.cross_entropy(_logits(model, read[:-1]), read[1:], reduction="none")
        bits[-len(nats) :] = nats.cpu().double() / math.log(2)
    return bits


def _vocab_size(model: Any) -> int:
    return int(model.config.get_text_config().vocab_size)


def _logits(model: Any, ids: Tensor) -> Tensor:
    logits: Tensor = model(input_ids=ids[None], use_cache=False).logits[0].float()
    return logits


@torch.inference_mode()
def _looks_ahead(model: Any, tokens: Tensor) -> bool:
    """Return whether predictions change with a later token."""
    if len(tokens) < 2:
        return False
    other = tokens.clone()
    other[-1] = (other[-1] + 1) % _vocab_size(model)
    before, after = (_logits(model, ids)[:-1] for ids in (tokens, other))
    return bool((before - after).abs().max() > SAME_LOGITS)
