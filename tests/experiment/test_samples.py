"""The passages that runs continue, and what is measured of their continuations."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from helpers.runs import SMALL, make_run
from textgen.data.words import without_cut_word
from textgen.evaluation.text_metrics import TextAnalyzer
from textgen.experiment.samples import MAX_SWEEP_SECONDS, NUM_MEASURED, SHOWN, SampleWriter, held_out_passages
from textgen.generation.bound_sampler import BoundSampler, build_sampler
from textgen.runtime.device import choose_device


def test_prompts_in_a_script_without_spaces_are_phrases_of_whole_words() -> None:
    text = "使うことができるパッケージを、Debianのシステムに入れる。" * 200
    passages = held_out_passages([text], 24, 70, 200)
    assert {prompt[:2] for prompt, _ in passages} == {"使う", "De"}
    assert {following[:2] for _, following in passages} == {"パッ", "シス"}
    assert {len(prompt) for prompt, _ in passages} == {70, 69}


@pytest.mark.parametrize("num_stretches", [1, 5, 24, 40])
def test_held_out_passages_are_spread_over_all_stretches(news: str, num_stretches: int) -> None:
    size = len(news) // num_stretches
    stretches = [news[begin : begin + size] for begin in range(0, size * num_stretches, size)]
    passages = held_out_passages(stretches, 24, 60, 200)
    assert len(passages) == len(set(passages)) == 24
    owners = [
        next(index for index, stretch in enumerate(stretches) if stretch.endswith("".join(passage)))
        for passage in passages
    ]
    assert owners == sorted(owners)
    assert len(set(owners)) == min(24, num_stretches)
    counts = [owners.count(owner) for owner in set(owners)]
    assert max(counts) - min(counts) <= 1


@given(texts=st.lists(st.text(), min_size=1, max_size=30), number=st.integers(1, 24))
def test_any_stretches_have_passages(texts: list[str], number: int) -> None:
    passages = held_out_passages(texts, number, 60, 100)
    assert len(passages) == number
    assert all(any(text.endswith("".join(passage)) for text in texts) for passage in passages)


def test_every_run_and_the_author_are_measured_on_texts_of_the_same_length(news: str) -> None:
    stretches = [news[begin : begin + 1000] for begin in range(0, 10_000, 1000)]
    writer = SampleWriter(stretches, TextAnalyzer(news, {"the"}), num_chars=80)
    cpu = choose_device("cpu")
    run, samplers = make_run(f"char-lstm{SMALL}"), {"temperature": build_sampler("temperature")}
    found, texts = writer.write(run, samplers, 3, cpu)
    assert set(map(len, texts)) == {80}
    assert found.sample_metrics == writer.analyzer.measure(texts).metrics
    assert {len(values) for values in found.metric_pseudovalues.values()} == {NUM_MEASURED}
    author = writer.measure_held_out()
    assert author == writer.analyzer.measure([passage.continuation[:80] for passage in writer.passages])
    assert author.metrics["real_word_rate"] == 1
    assert author.metrics["novel_4gram_rate"] == 0


@pytest.fixture
def writer(news: str) -> SampleWriter:
    return SampleWriter([news[:5000], news[5000:9000]], TextAnalyzer(news, set()), num_chars=40)


def test_the_samples_that_are_shown_are_among_the_measured_ones(writer: SampleWriter) -> None:
    run, cpu = make_run(f"char-lstm{SMALL}"), choose_device("cpu")
    samplers = {name: build_sampler(name) for name in ("temperature", "greedy")}
    written, texts = writer.write(run, samplers, 0, cpu)
    shown = [without_cut_word(texts[row]) for row in SHOWN]
    assert [sample.text for sample in written.samples[: len(SHOWN)]] == shown
    assert [sample.prompt for sample in written.samples] == 2 * writer.shown_prompts()
    measured = writer.analyzer.measure(texts)
    assert written.sample_metrics == measured.metrics
    assert written.metric_pseudovalues == measured.pseudovalues
    assert written.sample_errors == ()


def test_a_sampler_writes_the_same_beside_others_and_by_itself(writer: SampleWriter) -> None:
    run, cpu, specs = make_run(f"word-lstm{SMALL}"), choose_device("cpu", "bf16"), ("temperature", "top-p")
    both = writer.sweep(run, specs, 2, cpu, chars_per_second=1e9)
    for spec, swept in zip(specs, both, strict=True):
        written, texts = writer.write(run, {spec: build_sampler(spec)}, 2, cpu)
        assert (swept.texts, swept.samples) == (texts, written.samples)
        generator = run.generator(cpu)
        for sample in swept.samples:
            (alone,) = generator.generate([sample.prompt], 40, build_sampler(spec), [sample.seed])
            assert without_cut_word(alone) == sample.text


def test_a_slow_run_has_fewer_samplers_in_a_sweep(writer: SampleWriter) -> None:
    run, cpu, specs = make_run(f"char-lstm{SMALL}"), choose_device("cpu"), ("temperature", "greedy", "top-p")
    for speed, number in ((0.0, 1), (2.5 * NUM_MEASURED * 40 / MAX_SWEEP_SECONDS, 2), (1e9, 3)):
        swept = writer.sweep(run, specs, 0, cpu, chars_per_second=speed)
        assert [each.sampler for each in swept] == list(specs[:number])


def test_a_sampler_that_fails_costs_its_own_samples(writer: SampleWriter) -> None:
    def fails(logits: Tensor, uniforms: Tensor) -> Tensor:  # noqa: ARG001
        raise KeyError(3)

    run, cpu = make_run(f"char-lstm{SMALL}"), choose_device("cpu")
    samplers = {"bad": BoundSampler(fails), "greedy": build_sampler("greedy")}
    written, texts = writer.write(run, samplers, 0, cpu)
    assert {sample.sampler for sample in written.samples} == {"greedy"}
    assert (texts, written.sample_metrics) == ((), None)
    (error,) = written.sample_errors
    assert error.startswith("no samples by bad: ")
    written, texts = writer.write(run, dict(reversed(samplers.items())), 0, cpu)
    assert len(texts) == NUM_MEASURED
    assert len(written.sample_errors) == 1


@pytest.mark.parametrize(("num_chars", "overlap"), [(5_000, True), (24 * 460, False)])
def test_passages_of_a_short_text_overlap(news: str, num_chars: int, overlap: bool) -> None:
    writer = SampleWriter([news[:num_chars]], TextAnalyzer(news, set()), 400)
    assert writer.passages_overlap is overlap
