"""Metrics of generated text, against numbers counted by hand and naive references."""

from __future__ import annotations

import pickle
import random
from collections.abc import Callable
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nltk.translate.bleu_score import SmoothingFunction, sentence_bleu

from textgen.contracts import TextgenWarning
from textgen.data.words import words
from textgen.evaluation import memorization as copying
from textgen.evaluation.memorization import WINDOW, find_overlap, longest_verbatim_span
from textgen.evaluation.metrics import MAX_REFERENCES, self_bleu
from textgen.evaluation.text_metrics import TextAnalyzer, load_lexicon
from textgen.registry.registry import names

TRAIN = "The cat sat on the mat. Anne hadn't seen O'Brien's Zorple.\n"
LEXICON = {"the", "cat", "dog", "had", "seen", "ran"}
few_words = st.lists(st.sampled_from(["a", "b", "c"]), max_size=30).map(lambda items: " ".join([*items, "."]))
INTERVALS = ("real_word_rate", "distinct_1", "distinct_2", "repetition_4", "novel_4gram_rate")
"""Metrics of which each sample has a part of its own."""


@pytest.fixture(scope="module")
def analyzer() -> TextAnalyzer:
    return TextAnalyzer(TRAIN, LEXICON)


def test_real_words_are_in_the_lexicon_or_the_training_text(analyzer: TextAnalyzer) -> None:
    # Real: in the lexicon, only in training, without a clitic, curly. Not real: qwxz, twice, and blarg.
    sample = "DOG zorple hadn't dog's hadn\u2019t qwxz Blarg QWXZ cutoff"
    assert analyzer.measure([sample]).metrics["real_word_rate"] == 5 / 8
    assert analyzer.made_up_words([sample, "blarg's qwxz qwxz "]) == ["qwxz", "blarg", "blarg's"]


def test_chance_writes_next_to_no_real_words_and_the_author_nothing_else(news: str) -> None:
    analyzer = TextAnalyzer(news, load_lexicon("en"))
    alphabet, chance = sorted(set(news)), Random(0)
    random_text = "".join(chance.choices(alphabet, k=40_000))
    assert analyzer.min_letters == 3
    assert (analyzer.measure([random_text]).metrics["real_word_rate"] or 0) < 0.05
    assert analyzer.measure([news[:20_000]]).metrics["real_word_rate"] == 1


def test_rates_counted_by_hand(analyzer: TextAnalyzer) -> None:
    found = analyzer.measure(["a b a b a b a b.", "a b c."]).metrics
    assert found["distinct_1"] == 3 / 11
    assert found["distinct_2"] == 3 / 9  # "b a" across the samples is not a bigram
    assert found["repetition_4"] == 3 / 5  # abab baba abab baba abab


@given(few_words, st.lists(few_words, max_size=3))
def test_novel_four_grams_agree_with_a_naive_count(train: str, samples: list[str]) -> None:
    def naive(text: str) -> list[tuple[str, ...]]:
        tokens = words(text)
        return [tuple(tokens[start : start + 4]) for start in range(len(tokens) - 3)]

    grams = [gram for sample in samples for gram in naive(sample)]
    expected = sum(gram not in naive(train) for gram in grams) / len(grams) if grams else None
    assert TextAnalyzer(train, set()).measure(samples).metrics["novel_4gram_rate"] == expected


@given(st.lists(st.lists(st.sampled_from("abc"), max_size=12), min_size=2, max_size=MAX_REFERENCES))
def test_bleu_is_that_of_nltk(texts: list[list[str]]) -> None:
    for text, score, number in zip(texts, self_bleu(texts), range(len(texts)), strict=True):
        others = [other for other in texts[:number] + texts[number + 1 :] if other]
        if score is None:
            assert not text or not others
        else:
            smoothing = SmoothingFunction().method1
            expected = sentence_bleu(others, text, smoothing_function=smoothing)
            assert score == pytest.approx(expected, rel=1e-12)


@given(st.lists(few_words, min_size=2, max_size=5))
def test_pseudovalues_are_those_of_the_metrics_without_each_sample(samples: list[str]) -> None:
    analyzer = TextAnalyzer("a b c a a b.", {"a"})
    whole = analyzer.measure(samples)
    rest = [analyzer.measure(samples[:index] + samples[index + 1 :]).metrics for index in range(len(samples))]
    for name in INTERVALS:
        value, without = whole.metrics[name], [each[name] for each in rest]
        if value is None or None in without:
            assert name not in whole.pseudovalues
        else:
            number = len(samples)
            expected = [number * value - (number - 1) * each for each in without]
            assert whole.pseudovalues[name] == pytest.approx(expected)


def test_numerals_are_not_words() -> None:
    assert words("½ cup, 5 m², ① one, Louis Ⅳ, 我喜欢 é naïve x² .") == [
        "cup", "m", "one", "Louis", "我", "喜", "欢", "é", "naïve", "x",
    ]  # fmt: skip
    assert words("½ ² ③ Ⅳ .") == []


@pytest.mark.parametrize(
    "samples", [[], ["", "  \n"], ["我喜欢猫。我喜欢狗。"], ["😀😀 👩‍👩‍👧"], ["\ud800 a\0b\ufffd "], ["a"]]
)
def test_any_text_can_be_measured(samples: list[str]) -> None:
    analyzer = TextAnalyzer("我喜欢猫。😀😀", LEXICON)
    found = analyzer.measure(samples).metrics
    rates = [found[name] for name in INTERVALS]
    assert all(rate is None or 0 <= rate <= 1 for rate in rates)
    if not any(map(words, samples)):
        assert rates == [None] * 5


def test_words_with_elisions_are_real_in_languages_that_have_them() -> None:
    samples = ["L\u2019arbre d'une maison qu'arbre l'maizon."]
    french, english = (TextAnalyzer("C'est une maison.", {"arbre"}, tag) for tag in ("fr-FR", "en"))
    assert french.made_up_words(samples) == ["l'maizon"]
    assert english.made_up_words(samples) == ["l\u2019arbre", "d'une", "qu'arbre", "l'maizon"]


def test_words_without_spaces_are_looked_up_one_by_one() -> None:
    analyzer = TextAnalyzer("使うパッケージ。", set(), "ja")
    assert analyzer.made_up_words(["使うパッケ。"]) == ["パッケ"]
    assert analyzer.made_up_spans("使うパッケ。") == [(2, 5)]
    assert len(words("使うパッケ。")) == 3


# --- the lexicon that says which words are real


def test_the_lexicon_is_a_set_of_lower_case_words_and_may_be_absent() -> None:
    lexicon = load_lexicon()
    assert "zorp" not in lexicon
    if "simplemma" in names("lexicon"):
        assert all(word in lexicon for word in ("the", "house", "running"))
        assert lexicon.sources == ("simplemma (en)",)


def test_words_of_another_language_are_those_of_its_lexicons(
    install: Callable[[str, str, str], None],
) -> None:
    code = """
from textgen.contracts import TextgenError
def english(): return ["zorp"]
def german(language):
    if language != "de-DE": raise TextgenError(f"no {language}")
    return ["blarg"]
"""
    install("toys", "[textgen.lexicons]\nenglish = toys:english\ngerman = toys:german\n", code)
    german, french, both = map(load_lexicon, ("de-DE", "fr", "en+de-DE"))
    assert "blarg" in german
    assert "zorp" not in german
    assert "german (de-DE)" in german.sources
    assert not any("english" in source for source in (*german.sources, *french.sources))
    assert not any(word in french for word in ("zorp", "blarg"))
    assert all(word in pickle.loads(pickle.dumps(both)) for word in ("zorp", "blarg"))
    assert {"english (en)", "german (de-DE)"} <= set(both.sources)


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ("return 'a string'", "returned str, not a set of words"),
        ("return 3", "returned int, not a set of words"),
        ("raise SystemExit(3)", "failed: SystemExit: 3"),
    ],
)
def test_a_broken_lexicon_is_left_out_with_a_warning(
    body: str, problem: str, install: Callable[[str, str, str], None]
) -> None:
    code = f"def good(): return ['zorp']\ndef bad():\n    {body}\n"
    install("toys", "[textgen.lexicons]\nbad = toys:bad\ngood = toys:good\n", code)
    with pytest.warns(TextgenWarning, match=f"lexicon 'bad' .*{problem}.*; words are looked up without it"):
        assert "zorp" in load_lexicon()


# --- copies of the training text


few_letters = st.text("ab \U0001f600", max_size=40)


@settings(max_examples=60)
@given(few_letters, st.lists(few_letters, max_size=3), st.integers(1, 9))
def test_longest_verbatim_span_agrees_with_a_naive_search(train: str, samples: list[str], block: int) -> None:
    spans = {
        sample[start:end]
        for sample in samples
        for start in range(len(sample))
        for end in range(start + 1, len(sample) + 1)
    }
    expected = max((len(span) for span in spans if span in train), default=0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(copying, "BLOCK", block)  # copies that lie across blocks are found too
        found = longest_verbatim_span(samples, train)
    assert len(found) == expected
    assert found in train
    assert not found or any(found in sample for sample in samples)


def test_longest_verbatim_span_of_a_planted_copy(analyzer: TextAnalyzer) -> None:
    assert analyzer.measure(["xx sat on the mat. xx", "Anne?"]).metrics["longest_verbatim_span"] == len(
        " sat on the mat. "
    )
    assert longest_verbatim_span(["qq" + TRAIN[10:30] + "qq"], TRAIN * 3) == TRAIN[10:30]


# --- overlap of scored and training text


def random_text(seed: int, length: int) -> str:
    """Characters drawn from a few, in which long spans do not come back by chance."""
    return "".join(random.Random(seed).choices("abcd \n", k=length))


def test_windows_and_spans_are_those_of_a_search_by_hand() -> None:
    train = random_text(0, 5000)
    stretches = [
        random_text(1, 300) + train[1000:1150] + random_text(2, 200),
        random_text(3, 400),
        train[77:177],
    ]
    windows = [text[at : at + WINDOW] for text in stretches for at in range(len(text) - WINDOW + 1)]
    found = find_overlap(stretches, train)
    assert found.share == sum(window in train for window in windows) / len(windows)
    assert [(span.stretch, span.begin, span.num_chars) for span in found.spans] == [
        (0, 300, 150),
        (2, 0, 100),
    ]
    assert found.num_spans == 2
    assert train[1000:1150].startswith(found.spans[0].beginning)


def test_a_text_shorter_than_a_window_has_none() -> None:
    found = find_overlap(["short", ""], random_text(0, 500))
    assert (found.share, found.num_spans, found.spans) == (0.0, 0, ())
