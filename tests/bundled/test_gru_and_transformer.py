"""GRU, transformer and `hier` beyond what every model must do: the optimizer, generation, the window."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from textgen.contracts import TextgenError
from textgen.data.bound_tokenizer import START, BoundTokenizer
from textgen.generation.bound_sampler import build_sampler
from textgen.generation.generator import Generator
from textgen.nn.language_model import LanguageModel, placeholder_vocabulary
from textgen.runtime.device import DeviceConfig, seeded
from textgen.training.batches import ContiguousBatches
from textgen.training.train_options import TrainOptions
from textgen.training.trainer import Trainer
from textgen_models.hier import Hier
from textgen_models.recurrent import GRU, LSTM
from textgen_models.transformer import PERIOD, Transformer
from textgen_tokenizers.char import CharTokenizer

CPU = torch.device("cpu")
FP32 = DeviceConfig(CPU, "fp32")
VOCAB_SIZE = 60
CONTEXT = 8


def gru(vocab_size: int = VOCAB_SIZE, **options: Any) -> nn.Module:
    return GRU(vocab_size, **{"num_layers": 2, "hidden_size": 16} | options)


def transformer(vocab_size: int = VOCAB_SIZE, **options: Any) -> nn.Module:
    small = {"num_layers": 2, "hidden_size": 16, "num_heads": 2, "context": CONTEXT}
    return Transformer(vocab_size, **small | options)


def hier(vocab_size: int = VOCAB_SIZE, **options: Any) -> nn.Module:
    tokens = placeholder_vocabulary(vocab_size).tokens
    return Hier(vocab_size, tokens=tokens, **{"hidden_size": 16, "lower_size": 8, "word_size": 24} | options)


Build = Callable[..., nn.Module]
every_model = pytest.mark.parametrize("kind", [gru, transformer, hier])


def built(kind: Build, *arguments: Any, **options: Any) -> Any:
    with seeded(0, CPU):
        return kind(*arguments, **options).eval()


@pytest.fixture
def ids() -> Tensor:
    """Three rows of 40 token ids."""
    return torch.randint(VOCAB_SIZE, (3, 40), generator=torch.Generator().manual_seed(0))


def logits_of(model: Any, ids: Tensor) -> Tensor:
    """Return the logits of all positions, computed in one pass."""
    logits: Tensor = model(ids, model.initial_state(len(ids)))[0]
    return logits


# --- all of them


@every_model
def test_a_dropout_that_is_given_stays_and_changes_training_only(kind: Build, ids: Tensor) -> None:
    model, without = built(kind, dropout=0.5), built(kind, dropout=0.0)
    for each in (model, without):
        each.set_expected_epochs(100.0)
    assert model.dropout.probability == 0.5
    assert torch.equal(logits_of(model, ids), logits_of(without, ids))
    assert not torch.equal(logits_of(model.train(), ids), logits_of(without, ids))


@pytest.mark.parametrize("model_class", [LSTM, GRU])
@torch.inference_mode()
def test_the_output_reads_the_lower_layers_unless_a_text_is_read_often(
    model_class: type[Any], ids: Tensor
) -> None:
    model = built(model_class, VOCAB_SIZE, hidden_size=16, num_layers=2)
    model.set_token_counts(torch.full((VOCAB_SIZE,), 10_000))
    for parameter in model.layers[1].parameters():
        parameter.zero_()  # nothing passes the last layer
    spreads = []
    for num_epochs in (1, 9, 1000):
        model.set_expected_epochs(num_epochs)
        spreads.append(float(logits_of(model, ids).std(dim=1).mean()))
    assert spreads[0] > spreads[1] > spreads[2] == 0


@every_model
@torch.inference_mode()
def test_a_generated_text_is_what_the_logits_of_all_of_it_say(kind: Build) -> None:
    tokenizer = CharTokenizer()
    tokenizer.fit("\nabcdefghijklmnopqrstuvwxyz")
    model = built(kind, len(tokenizer.tokens))
    model.output.bias[tokenizer.fallback] = -100.0  # letters only
    prompts = ["", "a", "the quick brown fox"]  # shorter and longer than the context
    bound = LanguageModel(model, len(tokenizer.tokens)), BoundTokenizer(tokenizer)
    generator = Generator(*bound, FP32)
    texts = generator.generate(prompts, 30, build_sampler("greedy"), [0, 0, 0])
    for prompt, text in zip(prompts, texts, strict=True):
        ids = tokenizer.encode(START + prompt).tolist()
        for _ in range(30):
            ids.append(int(logits_of(model, torch.tensor([ids]))[0, -1].argmax()))
        assert tokenizer.decode(ids) == START + prompt + text


@every_model
def test_a_pattern_that_the_last_token_does_not_tell_is_learnt(kind: Build) -> None:
    pattern = [0, 1, 1, 0, 2, 1, 0, 0, 2, 2, 1, 2]
    options = TrainOptions(batch_size=4, sequence_length=6, learning_rate=0.01)
    model = LanguageModel(built(kind, 3, hidden_size=32).train(), 3)
    trainer = Trainer(model, ContiguousBatches(np.array(pattern * 40), 4, 6, seed=0), options, FP32, seed=0)
    losses = [trainer.update(min(1.0, 0.1 + update / 100)) for update in range(100)]
    assert losses[0] > 0.7
    assert losses[-1] < 0.1


# --- the GRU


# --- the transformer


@pytest.mark.parametrize("num_layers", [1, 2])
@torch.inference_mode()
def test_the_window_is_context_tokens_of_each_layer(ids: Tensor, num_layers: int) -> None:
    model = built(transformer, num_layers=num_layers)
    reach = num_layers * (CONTEXT - 1)
    before = logits_of(model, ids)[:, 30]
    for distance, is_seen in ((reach, True), (reach + 1, False)):
        changed = ids.clone()
        changed[:, 30 - distance] = (ids[:, 30 - distance] + 1) % VOCAB_SIZE
        assert bool((logits_of(model, changed)[:, 30] != before).all(dim=1).all()) == is_seen
        assert torch.equal(logits_of(model, changed)[:, 30], before) != is_seen


@pytest.mark.parametrize("num_tokens", [10**6, 10**9, PERIOD - 12])
@torch.inference_mode()
def test_predictions_far_into_a_text_equal_those_at_its_beginning(ids: Tensor, num_tokens: int) -> None:
    model = built(transformer)
    far = model.initial_state(3)
    far = (far[0] + num_tokens, far[1])
    _, far = model(ids[:, :20], far)  # two windows, one per layer, fill what was empty
    logits, _ = model(ids[:, 20:], far)
    torch.testing.assert_close(logits, logits_of(model, ids)[:, 20:], atol=1e-4, rtol=0)


def test_sizes_that_do_not_fit_are_one_line_errors() -> None:
    with pytest.raises(TextgenError, match=r"hidden_size=20 .* num_heads=4") as caught:
        Transformer(10, hidden_size=20, num_heads=4)
    assert "\n" not in str(caught.value)


# --- the LSTM


def lstm(**options: Any) -> LSTM:
    with seeded(0, torch.device("cpu")):
        return LSTM(100, **{"num_layers": 2, "hidden_size": 16} | options).eval()


def test_weights_are_tied_when_sizes_match() -> None:
    def size(model: nn.Module) -> int:
        return sum(parameter.numel() for parameter in model.parameters())

    tied = lstm()
    assert size(lstm(tie_weights=False)) - size(tied) == 100 * 16
    assert size(lstm(embedding_size=8)) == size(lstm(embedding_size=8, tie_weights=False))
    with torch.no_grad():
        tied.input.weight[3] = 50.0
        logits, _ = tied(torch.tensor([[5]]), tied.initial_state(1))
    assert logits[0, 0].abs().argmax() == 3  # the changed row of the input is an output too


@pytest.mark.parametrize(
    ("model_class", "biases"), [(LSTM, [0] * 16 + [1] * 16 + [0] * 32), (GRU, [0] * 16 + [1] * 16 + [0] * 16)]
)
def test_gates_start_remembering_and_the_others_without_bias(
    model_class: type[Any], biases: list[float]
) -> None:
    for layer in built(model_class, VOCAB_SIZE, num_layers=2, hidden_size=16).layers:
        assert (layer.bias_ih_l0 + layer.bias_hh_l0).tolist() == biases
