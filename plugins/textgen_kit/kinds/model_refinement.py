"""Checks of a model that refines the predictions of another one, its `base`."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from textgen.nn.language_model import ModelClass
from textgen_kit.asserts import EXACT, FAR_TOLERANCE, expect, require_close, skip_unless
from textgen_kit.builders import VOCAB_SIZE, Subject, bound, in_chunks, logits_of, random_batch, some_ids

LENGTH = 200


class _TwoBack(nn.Module):
    """A base whose state matters: it predicts from the last two tokens."""

    table: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("table", 2 * torch.randn(2, VOCAB_SIZE, VOCAB_SIZE))

    def initial_state(self, batch_size: int) -> Tensor:
        return torch.zeros(batch_size, dtype=torch.int64)

    def forward(self, ids: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        before = torch.cat((state[:, None], ids), dim=1)
        return self.table[0][ids] + self.table[1][before[:, :-1]], before[:, -1]


def check_model_refinement(subject: Subject) -> None:
    """With a `base` it is a causal distribution, and its step and chunks agree with `forward`.

    So it is before and after `fit_held_out`, and the state of the base is part of its own.

    A refinement that forgets the base's state, or what it read, is scored by one model and writes by another.
    """
    skip_unless(ModelClass(subject.component).accepts_base, "no argument base")
    torch.manual_seed(0)
    base = bound(_TwoBack().eval())
    model = subject.model(base=base)
    if bound(model).can_fit:
        bound(model).fit(some_ids(2000))
    expect(not list(model.parameters()), "no parameters, since the base alone is trained; got some")
    ids = some_ids_in_rows()
    for when in ("", " after fit_held_out"):
        if when:
            bound(model).fit_held_out([row.numpy() for row in ids])
        whole = logits_of(model, ids)
        sums = whole.float().logsumexp(-1) if bound(model).is_normalized else whole.new_zeros(())
        expect(bool(whole.isfinite().all()), f"finite logits{when}; some are not")
        expect(float(sums.abs().max()) < 1e-3, f"probabilities that sum to 1{when}; they do not")
        chunks, _ = in_chunks(model, ids, [1, 3, 60, LENGTH - 64])
        require_close(chunks, whole, f"the logits of one pass in chunks{when}", FAR_TOLERANCE)
        others = torch.cat([ids[:, : LENGTH // 2], random_batch(2, LENGTH // 2, seed=1)], 1)
        same = logits_of(model, others)[:, : LENGTH // 2]
        what = f"the same logits when later tokens change{when}"
        require_close(same, whole[:, : LENGTH // 2], what, EXACT)
        step, state = bound(model).prepare_step(torch.float32), model.initial_state(2)
        for time in range(20):
            with torch.inference_mode():
                logits, state = step(ids[:, time], state)
            require_close(
                logits.log_softmax(-1),
                whole[:, time].log_softmax(-1),
                f"the logits of forward in step {time}{when}",
                FAR_TOLERANCE,
            )


def some_ids_in_rows() -> Tensor:
    """Return ids [2, LENGTH] in which much comes back."""
    ids = torch.from_numpy(some_ids(2 * LENGTH).astype("int64")).view(2, LENGTH)
    ids[:, LENGTH // 2 :] = ids[:, : LENGTH - LENGTH // 2]
    return ids
