"""Scores from logs of lm-eval, and paired differences of logs, with intervals over documents."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import bootstrap, t, ttest_rel

import textgen_tools
from helpers.commands import run_textgen
from textgen.runtime.messages import UsageError
from textgen_tools.lm_eval_compared import paired_rates

TEXTS = ["a cat", "drei Hüte", "一二三", "the end of it"]
BITS = [11.0, 30.0, 19.0, 25.5]


def written(file: Path, samples: list[dict[str, Any]]) -> Path:
    file.write_text("".join(json.dumps(sample) + "\n" for sample in samples), "utf-8")
    return file


def rolling(text: str, bits: float) -> dict[str, Any]:
    pair = [-bits * math.log(2), len(text.encode())]
    return {"target": text, "filter": "none", "metrics": ["bits_per_byte"], "bits_per_byte": pair}


def test_a_perplexity_task_has_our_bits_per_character_and_an_interval_over_documents(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    written(
        tmp_path / "model" / "samples_my_task_2026-11-28T06-10-08.4.jsonl", list(map(rolling, TEXTS, BITS))
    )
    scores = json.loads(run_textgen("import-lm-eval", tmp_path, "--json").stdout)["scores"]
    found = {score["metric"]: score for score in scores}
    for metric, sizes in (
        ("bits_per_byte", [len(text.encode()) for text in TEXTS]),
        ("bits_per_char", [len(text) for text in TEXTS]),
    ):
        assert found[metric]["task"] == "my_task"
        assert found[metric]["value"] == pytest.approx(sum(BITS) / sum(sizes))
        value = sum(BITS) / sum(sizes)
        without = [(sum(BITS) - bits) / (sum(sizes) - size) for bits, size in zip(BITS, sizes, strict=True)]
        error = np.sqrt(3 / 4 * sum((each - np.mean(without)) ** 2 for each in without))  # of the jackknife
        assert found[metric]["interval"] == pytest.approx(
            [value + end * error for end in t.interval(0.95, 3)]
        )


def test_rows_of_several_models_name_their_files(tmp_path: Path) -> None:
    for model in ("one", "two"):
        (tmp_path / model).mkdir()
        written(tmp_path / model / "samples_task_2026-11-28T06-10-08.4.jsonl", [rolling(TEXTS[0], 9.0)])
    lines = run_textgen("import-lm-eval", tmp_path).stdout.splitlines()
    assert len(lines) == len(set(lines))
    assert sum(line.startswith("one/samples_task_2026") for line in lines) == 2


def test_other_metrics_are_means_and_rates_stay_within_their_bounds(tmp_path: Path) -> None:
    samples = [
        {"filter": "strict", "metrics": ["acc", "bleu"], "acc": float(number > 0), "bleu": ["a", "b"]}
        for number in range(8)
    ]
    (score,) = json.loads(
        run_textgen("import-lm-eval", written(tmp_path / "log.jsonl", samples), "--json").stdout
    )["scores"]
    assert (score["metric"], score["num_documents"], score["value"]) == ("acc (strict)", 8, 7 / 8)
    low, high = score["interval"]
    assert (low, high) == pytest.approx((0.5291, 0.9776), abs=1e-4)  # Wilson's


@pytest.mark.parametrize("value", [0, 1])
def test_equal_values_of_0_or_1_have_an_interval_with_a_width(value: int, tmp_path: Path) -> None:
    (score,) = textgen_tools.import_lm_eval(log(tmp_path / "a", valued("acc", [value] * 20))).scores
    assert score.interval == pytest.approx([(0, 0.1611), (0.8389, 1)][value], abs=1e-4)


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "[]",
        '{"metrics": ["acc"]}',
        '{"results": {"acc": 0.5}}',
        "[" * 100_000,
        '{"metrics": ["acc"], "acc": 1' + "0" * 400 + "}",
        '{"metrics": ["acc"], "acc": 1e308}',
        '{"metrics": ["bits_per_byte"], "bits_per_byte": [-1, 5e-324]}',
    ],
)  # fmt: skip
def test_what_is_not_a_log_is_refused_in_one_line(content: str, tmp_path: Path) -> None:
    file = tmp_path / "samples_x.jsonl"
    file.write_text(content)
    (line,) = run_textgen("import-lm-eval", file, code=1).stderr.splitlines()
    assert f"{str(file)!r} is not a file of lm-eval's samples, or damaged" in line


def test_a_log_without_samples_says_what_to_ask_lm_eval_for(tmp_path: Path) -> None:
    assert "--log_samples" in run_textgen("import-lm-eval", tmp_path, code=1).stderr


def test_sizes_too_different_to_be_told_apart_give_no_interval(tmp_path: Path) -> None:
    samples = [rolling(text, 20.0) for text in TEXTS]
    samples[0]["bits_per_byte"] = [-20.97, 2.0**63]
    log = written(tmp_path / "samples_a_1.jsonl", samples)
    for score in json.loads(run_textgen("import-lm-eval", log, "--json").stdout)["scores"]:
        assert score["interval"] is None or score["interval"][0] <= score["interval"][1]


# --- several logs


def log(folder: Path, samples: list[dict[str, Any]], task: str = "task", file: str = "1") -> Path:
    """Write a log of one task, whose documents have what lm-eval says of each."""
    folder.mkdir(exist_ok=True)
    told = [
        {
            "doc_id": number,
            "doc_hash": f"d{number}",
            "prompt_hash": "p",
            "target_hash": f"t{number}",
            **sample,
        }
        for number, sample in enumerate(samples)
    ]
    written(folder / f"samples_{task}_{file}.jsonl", told)
    return folder


def valued(metric: str, values: Any) -> list[dict[str, Any]]:
    return [{"metrics": [metric], metric: float(value)} for value in values]


def documents(number: int = 60, more: float = 0.1) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Two models' bits for texts whose lengths differ much, and which are sorted by how hard they are."""
    random = np.random.default_rng(5)
    texts = ["x" * int(size) for size in random.integers(5, 400, number)]
    hard = np.sort(random.normal(3, 1, number))
    noise = random.normal(0, 0.2, number)
    old = [rolling(text, len(text) * each) for text, each in zip(texts, hard, strict=True)]
    new = [
        rolling(text, len(text) * (each + more * each + extra))
        for text, each, extra in zip(texts, hard, noise, strict=True)
    ]
    return old, new


def test_the_difference_of_a_ratio_is_paired_by_document_as_in_a_bootstrap(tmp_path: Path) -> None:
    old, new = documents()
    a, b = log(tmp_path / "a", old), log(tmp_path / "b", new)
    (found,) = textgen_tools.import_lm_eval(a, b).differences
    pairs = [np.array([-sample["bits_per_byte"][0] / math.log(2) for sample in each]) for each in (old, new)]
    sizes = np.array([len(sample["target"]) for sample in old], float)
    assert found.value == pytest.approx((pairs[1].sum() - pairs[0].sum()) / sizes.sum())
    drawn = bootstrap(
        (pairs[1] - pairs[0], sizes),
        lambda bits, size, axis: bits.sum(axis) / size.sum(axis),
        paired=True,
        rng=np.random.default_rng(0),
    ).confidence_interval
    assert found.interval is not None
    assert found.interval == pytest.approx(tuple(drawn), abs=0.02)
    unpaired = [score.interval for score in textgen_tools.import_lm_eval(a, b).scores]
    assert found.interval[1] - found.interval[0] < 0.5 * min(
        high - low for low, high in filter(None, unpaired)
    )


def test_means_have_the_interval_of_a_paired_t_test_and_p_values_are_adjusted(tmp_path: Path) -> None:
    random = np.random.default_rng(2)
    values = random.normal(0.5, 1, (3, 30)) + random.normal(0, 2, 30) + np.array([[0], [0.7], [0.1]])
    logs = [log(tmp_path / name, valued("f1", each)) for name, each in zip("abc", values, strict=True)]
    result = json.loads(run_textgen("import-lm-eval", *logs, "--json").stdout)
    tests = [ttest_rel(other, values[0]) for other in values[1:]]
    for found, test, other in zip(result["differences"], tests, logs[1:], strict=True):
        assert (found["a"], found["b"], found["num_documents"]) == (str(logs[0]), str(other), 30)
        assert found["interval"] == pytest.approx(list(test.confidence_interval(0.95)))
    low, high = sorted(test.pvalue for test in tests)
    assert sorted(found["p_value"] for found in result["differences"]) == pytest.approx(
        [2 * low, max(2 * low, high)]
    )
    assert len(result["scores"]) == 3


def test_rates_that_agree_on_all_documents_differ_by_none_but_not_for_certain(tmp_path: Path) -> None:
    logs = [log(tmp_path / name, valued("acc", [1, 0, 1, 1])) for name in "ab"]
    (found,) = textgen_tools.import_lm_eval(*logs).differences
    assert (found.value, found.p_value, found.is_clear) == (0, 1, False)
    assert found.interval is not None
    assert -1 < found.interval[0] < -0.2 < 0.2 < found.interval[1] < 1


@pytest.mark.parametrize("number", [1, 2, 10, 300])
def test_rates_that_differ_on_all_documents_have_an_interval_too(number: int) -> None:
    new, old = np.ones(number), np.zeros(number)
    found, reverse = paired_rates(new, old), paired_rates(old, new)
    assert found.value == 1
    assert found.interval is not None
    assert found.interval[0] < found.interval[1] == 1
    assert reverse.interval == (-1, -found.interval[0])
    assert (found.is_clear, reverse.p_value) == (number > 2, found.p_value)


def test_the_interval_of_rates_is_that_of_bonett_and_price() -> None:
    new = np.repeat([1.0, 0, 1, 0], [59, 6, 16, 80])
    old = np.repeat([1.0, 1, 0, 0], [59, 6, 16, 80])
    found = paired_rates(new, old)
    gained, lost = 17 / 163, 7 / 163
    error = math.sqrt((gained + lost - (gained - lost) ** 2) / 163)
    assert found.value == pytest.approx(10 / 161)
    assert found.interval == pytest.approx(
        (gained - lost - 1.959964 * error, gained - lost + 1.959964 * error)
    )


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"doc_hash": "other"}, "document 2 of 'task', acc, differs in doc_hash between"),
        (
            {"prompt_hash": "x", "target_hash": "y"},
            "document 2 of 'task', acc, differs in prompt_hash and target_hash",
        ),
        ({"doc_id": 9}, "lacks document 2 of 'task', acc, which"),
        ({"doc_id": 0}, "has document 0 twice of 'task', acc, which cannot be paired"),
        ({"doc_id": ""}, "lacks document 2 of 'task', acc, which"),
        ({"filter": "strict"}, "lacks document 2 of 'task', acc, which"),
    ],
)
def test_documents_that_differ_are_refused_in_one_line(
    change: dict[str, Any], said: str, tmp_path: Path
) -> None:
    samples = valued("acc", [1, 0, 1, 1])
    first = log(tmp_path / "first", samples)
    samples[2] = samples[2] | change
    second = log(tmp_path / "second", samples)
    (line,) = run_textgen("import-lm-eval", first, second, code=1).stderr.splitlines()
    assert said in line


def test_texts_of_other_sizes_are_refused(tmp_path: Path) -> None:
    samples = list(map(rolling, TEXTS, BITS))
    logs = [log(tmp_path / "a", samples), log(tmp_path / "b", [*samples[:3], rolling("shorter", 20.0)])]
    (line,) = run_textgen("import-lm-eval", *logs, code=1).stderr.splitlines()
    assert "document 3 of 'task', bits_per_byte, differs in size between" in line


def test_what_cannot_be_compared_is_said(tmp_path: Path) -> None:
    one = log(tmp_path / "one", valued("acc", [1, 0]))
    other = log(tmp_path / "other", valued("f1", [1, 0]))
    twice = log(log(tmp_path / "twice", valued("acc", [1, 0])), valued("acc", [1, 0]), file="2")
    short = log(tmp_path / "short", valued("acc", [1]))
    nameless = log(tmp_path / "nameless", [{**each, "doc_id": ""} for each in valued("acc", [1, 0])])
    for logs, said in (
        ((one, other), "share no metric of a task: the first has acc of 'task', the second f1 of 'task'"),
        ((one, nameless), "has documents without a doc_id of 'task', acc, which cannot be paired"),
        ((one, twice), "name one of these files, or a folder with one"),
        ((one, short), "lacks document 1 of 'task', acc, which"),
    ):
        assert said in run_textgen("import-lm-eval", *logs, code=1).stderr
    with pytest.raises(UsageError, match="a log is named twice"):
        textgen_tools.import_lm_eval(one, one)


def test_the_report_names_logs_by_letters_and_counts_what_is_clear(tmp_path: Path) -> None:
    old, new = documents(more=0.3)
    logs = [log(tmp_path / "a", old), log(tmp_path / "b", new), log(tmp_path / "c", old)]
    said = run_textgen("import-lm-eval", *logs).stdout
    assert said.startswith("**Clear differences from A: B 1 of 1, C 0 of 1.**")
    assert f"- B: `{logs[1]}`" in said
    assert "| task | bits_per_byte | C \N{MINUS SIGN} A |" in said
    assert said.count("bits_per_char") == 3  # among the scores only


def test_what_only_one_log_has_is_told_and_so_is_a_log_without_hashes(tmp_path: Path) -> None:
    one = log(log(tmp_path / "one", valued("acc", [1, 0])), valued("f1", [1, 0]), "other")
    unhashed = [{**each, "prompt_hash": ""} for each in valued("acc", [1, 1])]
    more = [[f"more{number}", 1] for number in range(7)]
    extra = [{**each, "metrics": ["acc", *(name for name, _ in more)], **dict(more)} for each in unhashed]
    two = log(tmp_path / "two", extra)
    said = run_textgen("import-lm-eval", one, two).stdout
    assert "Not compared, since B lacks it: f1 of 'other'." in said
    assert "Not compared, since A lacks it: more0 of 'task', " in said
    assert "more4 of 'task' and 2 more." in said
    assert "B lacks hashes" in said
    assert "A lacks hashes" not in said
    result = json.loads(run_textgen("import-lm-eval", one, two, "--json").stdout)
    assert [each["metric"] for each in result["not_compared"] if each["log"] == str(one)] == [
        name for name, _ in more
    ]
    assert result["unhashed"] == [str(two)]


def test_a_damaged_line_is_named_by_its_number(tmp_path: Path) -> None:
    folder = log(tmp_path / "a", valued("acc", [1, 0]))
    (file,) = folder.iterdir()
    file.write_text(file.read_text() + "{\n")
    assert "damaged (line 3: " in run_textgen("import-lm-eval", folder, code=1).stderr
