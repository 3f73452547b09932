"""Check of models on another device, a card that is pretended: all that they compute with must be there."""

from __future__ import annotations

from collections import Counter

import torch

from textgen_kit.checking import Subject, bound, expect, fit, random_batch, some_ids
from textgen_kit.kinds.model_training import loss_of
from textgen_kit.pretend_card import CARD, PretendCard, pretend_card


def check_model_device(subject: Subject) -> None:
    """On a GPU, all tensors of a model are there, in fp32 at most, and no token has to be waited for.

    The GPU is pretended: tensors on it know their device, and compute on the CPU.
    """
    with pretend_card() as card:
        model = subject.model()
        fit(model, some_ids(2000))
        bound(model).to(CARD)
        left = sorted({name for name, value in model.state_dict().items() if value.device != CARD})
        expect(not left, f"all weights and buffers on the device of to(); on the CPU are {', '.join(left)}")
        try:
            if bound(model).is_trainable:
                ids = random_batch(2, 21).to(CARD)
                loss_of(model.train(), ids, bound(model).initial_state(2))[0].backward()  # type: ignore[no-untyped-call]
            short, long = (_waits(card, model.eval(), length) for length in (20, 80))
        except (RuntimeError, TypeError) as error:
            expect(False, f"tensors on the device of the model only, so make others there: {error}")
    per_token = long - short
    expect(not per_token, f"no wait for a GPU at each token, as by .item(); it waits {_listed(per_token)}")
    expect(not card.doubles, f"float32 on a GPU, where float64 is slow; float64 is {_listed(card.doubles)}")


@torch.inference_mode()
def _waits(card: PretendCard, model: torch.nn.Module, length: int) -> Counter[str]:
    """Return the waits of a forward pass over `length` tokens, by line."""
    card.waits.clear()
    bound(model).forward(random_batch(2, length).to(CARD), bound(model).initial_state(2))
    return Counter(card.waits)


def _listed(lines: Counter[str]) -> str:
    return ", ".join(f"at {line}" for line in sorted(lines))
