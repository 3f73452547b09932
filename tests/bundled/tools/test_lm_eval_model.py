"""A run as a model of lm-eval, which runs its own tasks on it."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

import textgen
from helpers.runs import make_run
from textgen.experiment.saved_run import save_run

lm_eval = pytest.importorskip("lm_eval", reason="needs lm-eval")
pytestmark = pytest.mark.filterwarnings("ignore")  # of lm-eval and what it imports

DOCUMENTS = ["The cat sat on the hat.\nIt was not “amused”, 漢字 aside.\n", "the mat, the cat\n" * 40]
TASK = """\
task: local
dataset_path: json
dataset_kwargs: {data_files: {test: FILE}}
output_type: loglikelihood_rolling
test_split: test
doc_to_text: ""
doc_to_target: "{{page}}"
metric_list: [{metric: byte_perplexity}, {metric: bits_per_byte}]
"""


@pytest.fixture(scope="module", params=["char-lstm", "word-gru"])
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lm-eval") / "run"
    save_run(folder, make_run(f"{request.param}:num_layers=1,hidden_size=8"))
    return folder


def test_the_perplexity_task_of_lm_eval_has_our_bits_per_byte(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("datasets", reason="needs datasets")
    from lm_eval.tasks import TaskManager

    from textgen_tools.lm_eval_model import TextgenLM

    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    data = tmp_path / "documents.jsonl"
    data.write_text("".join(json.dumps({"page": text}) + "\n" for text in DOCUMENTS))
    (tmp_path / "local.yaml").write_text(TASK.replace("FILE", str(data)))
    tasks = TaskManager(include_path=str(tmp_path), include_defaults=False)
    model = TextgenLM(str(run), device="cpu")
    found = lm_eval.simple_evaluate(model, tasks=["local"], task_manager=tasks, bootstrap_iters=0)
    loaded, sizes = textgen.load(run, device="cpu"), [len(text.encode()) for text in DOCUMENTS]
    ours = [loaded.score(text, clean="raw").bits_per_byte for text in DOCUMENTS]
    expected = sum(bits * size for bits, size in zip(ours, sizes, strict=True)) / sum(sizes)
    results = found["results"]["local"]
    assert results["bits_per_byte,none"] == pytest.approx(expected, rel=1e-6)
    assert results["byte_perplexity,none"] == pytest.approx(2**expected, rel=1e-6)


def test_a_continuation_is_what_a_text_has_more_than_its_context(run: Path) -> None:
    from textgen_tools.lm_eval_model import TextgenLM

    model = TextgenLM(str(run), device="cpu")
    context, continuation = "The cat sat on", " the 漢 mat.\n"
    whole, before = model.loglikelihood_rolling(
        [SimpleNamespace(args=(text,)) for text in (context + continuation, context)]
    )
    ((found, is_greedy),) = model.loglikelihood([SimpleNamespace(args=(context, continuation))])
    assert found == pytest.approx(whole - before, rel=1e-5)
    assert not is_greedy


def test_what_greedy_decoding_writes_is_the_likeliest_and_ends_before_a_stop(tmp_path: Path) -> None:
    from textgen_tools.lm_eval_model import TextgenLM

    trained = make_run("char-lstm:num_layers=1,hidden_size=8")
    with torch.no_grad():  # no byte, which may be half a character
        trained.model.module.output.bias[torch.from_numpy(trained.tokenizer.is_fallback)] = -99.0
    save_run(tmp_path / "run", trained)
    model = TextgenLM(str(tmp_path / "run"), device="cpu")
    context, limits = "The cat", {"max_gen_toks": 12}
    (written,) = model.generate_until([SimpleNamespace(args=(context, limits))])
    assert len(written) == 12
    ((_, is_greedy),) = model.loglikelihood([SimpleNamespace(args=(context, written))])
    assert is_greedy
    stop = written[4:6]
    (stopped,) = model.generate_until([SimpleNamespace(args=(context, {**limits, "until": ["#", stop]}))])
    assert stopped == written[: written.index(stop)]
