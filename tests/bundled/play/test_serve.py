"""`textgen serve`: what its completions are, to a real client and by hand, and whom it does not answer."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from collections.abc import Iterator
from math import log
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("openai", reason="needs the extra test")
pytest.importorskip("uvicorn", reason="needs the extra play")

import openai

import textgen
from helpers.commands import run_process, run_textgen
from helpers.pages import read_page
from helpers.playing import SMALL, Server, children, serving
from helpers.shared import made_once
from textgen.data.vocabulary import surface_bytes
from textgen_play.openai_api import names_of

pytestmark = pytest.mark.slow

TEXT = "The weather in Sydney was fine.\nNobody had a zxqv, naïve or not. Nor 😀."
PROMPT = {"model": "char-lstm", "prompt": "The ", "seed": 3}


def train_pieces(folder: Path) -> None:
    """Make a run of an LSTM over pieces of words."""
    text = ("--corpus", "lee", "--max-chars", 30_000, "--budget", "2000chars")
    run_textgen("train", f"bpe-lstm{SMALL}", *text, "--device", "cpu", "--out", folder / "bpe-lstm")


@pytest.fixture(scope="module")
def all_runs(runs: list[Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Runs by their names: over characters, words that are counted, and pieces."""
    pieces = made_once(tmp_path_factory, "serve-runs", train_pieces) / "bpe-lstm"
    return {run.name: run for run in (*runs, pieces)}


@pytest.fixture(scope="module")
def api(all_runs: dict[str, Path]) -> Iterator[Server]:
    with serving(*all_runs.values(), key="s3cret", options=("--port", "0")) as api:
        yield api


@pytest.fixture(scope="module")
def client(api: Server) -> Any:
    """The client of OpenAI."""
    with openai.OpenAI(api_key=api.key, base_url=api.address) as client:
        yield client


def completed(api: Server, **body: Any) -> dict[str, Any]:
    """The only choice of a completion."""
    status, said = api.ask("completions", PROMPT | body)
    assert status == 200, said
    (choice,) = said["choices"]
    return dict(choice)


def spelled(tokens: list[str]) -> str:
    """The text of tokens, of which some are bytes."""
    return b"".join(map(surface_bytes, tokens)).decode("utf-8", "replace")


@pytest.mark.parametrize("name", ["char-lstm", "word-ngram", "bpe-lstm"])
def test_the_log_probabilities_of_a_text_sum_to_its_score(
    client: Any, all_runs: dict[str, Path], name: str
) -> None:
    score = textgen.load(all_runs[name], device="cpu").score(TEXT, clean="raw")
    said = client.completions.create(model=name, prompt=TEXT, max_tokens=0, echo=True, logprobs=3)
    (choice,) = said.choices
    told = choice.logprobs
    bits = -sum(told.token_logprobs) / log(2)
    assert bits == pytest.approx(score.bits_per_char * len(TEXT), abs=1e-3)
    assert (choice.text, choice.finish_reason) == (TEXT, "length")
    assert (said.usage.prompt_tokens, said.usage.completion_tokens) == (len(told.tokens), 0)
    for token, begin, value, top in zip(
        told.tokens, told.text_offset, told.token_logprobs, told.top_logprobs, strict=True
    ):
        assert token.startswith("<0x") or TEXT.startswith(token, begin)
        assert top[token] >= value
        assert len(top) <= 4


@pytest.mark.parametrize("name", ["word-ngram", "bpe-lstm"])
def test_a_completion_is_the_sample_of_its_seed(api: Server, all_runs: dict[str, Path], name: str) -> None:
    run = textgen.load(all_runs[name], device="cpu", precision="fp32")
    for asked, sampler in (
        ({}, "temperature:temperature=1.0"),
        ({"temperature": 0}, "greedy"),
        ({"temperature": 0.5, "top_p": 0.7}, "top-p:p=0.7,temperature=0.5"),
    ):
        text = completed(api, model=name, max_tokens=12, **asked)["text"]
        assert text == run.sample("The ", length=len(text), sampler=sampler, seed=3)


def test_a_text_is_as_probable_when_it_is_read_as_when_it_was_written(api: Server) -> None:
    written = completed(api, temperature=0.5, max_tokens=60, echo=True, logprobs=0)
    read = completed(api, prompt=written["text"], max_tokens=0, echo=True, logprobs=0)
    assert read["logprobs"]["tokens"] == written["logprobs"]["tokens"]
    told = (each["logprobs"]["token_logprobs"] for each in (read, written))
    assert next(told) == pytest.approx(next(told), abs=1e-4)


def test_a_stream_is_what_comes_at_once(client: Any) -> None:
    prompts = ["The ", "A man"]
    asked = PROMPT | {"model": "bpe-lstm", "prompt": prompts, "max_tokens": 20, "logprobs": 2, "echo": True}
    whole = client.completions.create(**asked)
    *events, last = client.completions.create(**asked, stream=True, stream_options={"include_usage": True})
    assert (last.choices, last.usage) == ([], whole.usage)
    assert whole.usage.completion_tokens == 40
    for choice, prompt in zip(whole.choices, prompts, strict=True):
        parts = [event.choices[0] for event in events if event.choices[0].index == choice.index]
        assert "".join(part.text for part in parts) == choice.text
        for field in ("tokens", "token_logprobs", "text_offset", "top_logprobs"):
            streamed = [value for part in parts for value in getattr(part.logprobs, field)]
            assert streamed == getattr(choice.logprobs, field)
        assert [part.finish_reason for part in parts if part.finish_reason] == ["length"]
        assert choice.text.startswith(prompt)
        assert spelled(choice.logprobs.tokens) == choice.text


def test_it_ends_before_a_stop_text_wherever_its_tokens_end(api: Server) -> None:
    text = completed(api, model="bpe-lstm", max_tokens=60)["text"]
    for begin in range(5, 25, 3):
        stop = text[begin : begin + 4]
        asked = {"model": "bpe-lstm", "max_tokens": 60, "stop": [stop, "never"], "logprobs": 0}
        choice = completed(api, **asked)
        assert (choice["text"], choice["finish_reason"]) == (text.partition(stop)[0], "stop")
        assert spelled(choice["logprobs"]["tokens"]).lstrip().startswith(choice["text"].lstrip())
        events = [
            event["choices"][0] for event in api.events("completions", PROMPT | asked | {"stream": True})
        ]
        assert "".join(event["text"] for event in events) == choice["text"]
        assert events[-1]["finish_reason"] == "stop"


def ids_of(run: Path, text: str) -> list[int]:
    return list(textgen.load(run).saved.tokenizer.encode(text).tolist())


def test_ids_are_a_prompt_if_a_text_has_them(api: Server, all_runs: dict[str, Path]) -> None:
    ids = ids_of(all_runs["bpe-lstm"], "The man")
    text = completed(api, model="bpe-lstm", prompt="The man")["text"]
    assert completed(api, model="bpe-lstm", prompt=ids)["text"] == text
    assert completed(api, model="bpe-lstm", prompt=[ids])["text"] == text
    letters = [each for char in "The man" for each in ids_of(all_runs["bpe-lstm"], char)]
    for wrong, reason in (
        ([10**9], "id 1000000000 is out of range"),
        ([ids[0], 10**30], f"id {10**30} is out of range"),
        (letters, "no text is encoded as these ids; give the text, such as 'The man'"),
    ):
        status, said = api.ask("completions", PROMPT | {"model": "bpe-lstm", "prompt": wrong})
        assert (status, said["error"]["param"]) == (400, "prompt")
        assert reason in said["error"]["message"]


def test_the_models_are_listed_and_found(client: Any, all_runs: dict[str, Path]) -> None:
    assert [model.id for model in client.models.list()] == list(all_runs)
    assert client.models.retrieve("bpe-lstm").id == "bpe-lstm"
    with pytest.raises(openai.NotFoundError) as raised:
        client.completions.create(model="gpt", prompt="a")
    assert raised.value.code == "model_not_found"
    assert raised.value.param == "model"


def test_the_client_of_the_page_works(api: Server, capsys: pytest.CaptureFixture[str]) -> None:
    (program,) = re.findall(r"^```python\n(.*?)^```", read_page("docs/integrations.md"), re.S | re.M)
    program = program.replace("http://127.0.0.1:8424/v1", api.address).replace("a-key-of-your-own", api.key)
    exec(program.replace('"char"', '"char-lstm"'), names := dict[str, Any]())
    names["client"].close()
    *written, last = capsys.readouterr().out.splitlines()
    assert "".join(written)
    assert last.startswith("'.' -")


@pytest.mark.parametrize(
    "wrong",
    [
        *({"presence_penalty": 1}, {"logit_bias": {"1": 2}}, {"n": 2}, {"top_k": 5}, {"temperature": -1}),
        *({"stream_options": {"include_usage": True}}, {"max_tokens": "1"}, {"model": None}),
        *({"prompt": ["a"] * 129}, {"prompt": ["a", 1]}, {"prompt": [3, -2]}, {"stop": ["a"] * 5}),
    ],
)
def test_what_is_not_valid_or_not_supported_is_named(api: Server, wrong: dict[str, Any]) -> None:
    status, said = api.ask("completions", PROMPT | wrong)
    error = said["error"]
    assert (status, error["type"]) == (400, "invalid_request_error")
    assert error["param"] in wrong
    assert error["param"] in error["message"]


def test_values_that_change_nothing_are_accepted(api: Server) -> None:
    neutral = {"presence_penalty": 0, "logit_bias": {}, "suffix": None, "n": 1, "best_of": 1}
    nulls = dict.fromkeys(("stop", "max_tokens", "logprobs", "stream", "stream_options", "user"))
    assert completed(api, **neutral, **nulls) == completed(api)


@pytest.mark.parametrize(
    ("status", "options", "reason"),
    [
        (401, {"Authorization": "Bearer wrong"}, ""),
        (404, {"path": "chat/completions"}, "only /v1/completions and /v1/models are served"),
        (404, {"path": "completions/"}, ""),
        (405, {"method": "DELETE"}, ""),
        (413, {"Content_Length": "600000"}, ""),
        (413, {"raw": b" " * 5_000_000}, ""),  # more than is sent before the answer
        (415, {"Content_Type": "text/plain"}, "send Content-Type: application/json"),
        (400, {"raw": b"\xff\xfe"}, "the body is not JSON"),
        (400, {"raw": b"[" * 50_000}, "the body is not JSON"),
        (400, {"raw": b"null"}, "the body must be a JSON object"),
    ],
)
def test_each_refusal_has_its_status_and_the_form_of_the_api(
    api: Server, status: int, options: dict[str, Any], reason: str
) -> None:
    given, said = api.ask(**{"path": "completions", "body": PROMPT} | options)
    assert given == status
    assert said.keys() == {"error"}
    assert said["error"].keys() == {"message", "type", "param", "code"}
    assert reason in said["error"]["message"]
    assert "\n" not in said["error"]["message"]


@pytest.mark.long
def test_a_client_that_leaves_is_written_for_no_longer(api: Server) -> None:
    asked = PROMPT | {"max_tokens": 10_000}
    streams = [api.open("completions", asked | {"stream": True}) for _ in range(48)]
    assert {answer.status for answer in streams} == {200}
    status, said = api.ask("completions", PROMPT)
    assert (status, said["error"]["type"]) == (429, "rate_limit_error")
    for answer in streams:
        answer.close()
    end = time.monotonic() + 30
    while api.ask("completions", PROMPT)[0] == 429:
        assert time.monotonic() < end, "the completions go on"
        time.sleep(0.1)


def test_the_server_outlives_the_process_with_the_models(api: Server, client: Any) -> None:
    text = completed(api)["text"]
    if not Path("/proc/self/task").exists():
        pytest.skip("needs /proc")

    def kill() -> None:
        (forked,) = [each for child in children(api.process.pid) for each in children(child)]
        os.kill(forked, signal.SIGKILL)

    kill()
    status, said = api.ask("completions", PROMPT)
    assert (status, said["error"]["type"]) == (503, "server_error")
    assert completed(api)["text"] == text
    with api.open("completions", PROMPT | {"stream": True, "max_tokens": 10_000}) as answer:
        assert answer.readline().startswith(b'data: {"id"')
        kill()
        *_, last = [line for line in answer if line.startswith(b"data: ")]
    assert json.loads(last[6:])["error"]["type"] == "server_error"
    kill()
    assert client.completions.create(**PROMPT).choices[0].text == text  # it asks again


def test_runs_of_one_name_are_told_apart() -> None:
    folders = [Path(each) for each in ("a/run", "b/run", "a/run-2", "c/run", "a/run")]
    assert names_of(folders) == ["run", "run-2", "run-2-2", "run-3", "run-4"]


def test_a_key_is_made_unless_one_is_given(runs: list[Path]) -> None:
    with serving(runs[0], options=("--port", "0")) as api:
        assert len(api.key) >= 32
        assert api.ask("models")[0] == 200
        assert completed(api, model="") == completed(api)
        api.process.send_signal(signal.SIGINT)
        assert api.process.wait(30) == 130


def test_what_cannot_be_served_is_said_in_one_line(runs: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    said = run_process("serve", runs[0], "--host", "203.0.113.1", code=1).stderr
    assert "of 203.0.113.1 cannot be opened" in said
    monkeypatch.setenv("TEXTGEN_API_KEY", "two words")
    assert "visible ASCII" in run_process("serve", runs[0], code=2).stderr
