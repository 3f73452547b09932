"""What runs an entry's code: asked in another process, on a device, or by a forged answer."""

from __future__ import annotations

import os
import pickle
import signal
import time
from typing import Any

import numpy as np
import pytest
import torch

from textgen.contracts import TextgenError
from textgen.experiment.entry_processes import HostedPredictor, encoded, frozen
from textgen.workers.assistant import Assistant
from textgen.workers.process import tell

SIZE = 5


class Answers:
    """An object whose answers are given."""

    def __init__(self, **answers: Any) -> None:
        self.answers = answers

    def ask(self, method: str, *_: Any, **__: Any) -> Any:
        """Return the answer to a method."""
        return self.answers[method]

    def begin(self, method: str, *_: Any) -> None:
        """Note the method."""
        self.asked = method

    def answer(self) -> Any:
        """Return the answer to it."""
        return self.answers[self.asked]

    def end(self) -> None:
        """Do nothing."""


DESCRIPTION = {
    "tokens": ["a", "b"],
    "is_fallback": torch.zeros(2, dtype=torch.bool),
    "spells": torch.zeros(2, dtype=torch.bool),
    "has_speller": False,
    "is_lossless": True,
    "start_ids": torch.zeros(1, dtype=torch.int64),
}


@pytest.mark.parametrize(
    "answer", [None, [], {}, {**DESCRIPTION, "tokens": 3}, {**DESCRIPTION, "start_ids": "x"}]
)
def test_a_tokenizer_that_answers_nonsense_is_refused(answer: Any) -> None:
    with pytest.raises(TextgenError, match=r"^the process of its tokenizer answers nonsense$"):
        frozen(Answers(describe=answer))


@pytest.mark.parametrize(
    "answer",
    [[], [torch.tensor([0, 2])], [torch.tensor([-1])], [torch.tensor([0.5])], [torch.tensor([[0]])], ["a"]],
    ids=str,
)
def test_ids_that_the_vocabulary_of_training_lacks_are_refused(answer: Any) -> None:
    tokenizer = frozen(Answers(describe=DESCRIPTION))
    with pytest.raises(TextgenError, match=r"ids that its vocabulary, as it was after training, lacks$"):
        encoded(Answers(encode=answer), tokenizer, ["ab"])


@pytest.mark.parametrize("answer", [None, torch.zeros(3, SIZE), torch.zeros(2, SIZE + 1), "logits"], ids=str)
def test_logits_of_another_form_are_refused(answer: Any) -> None:
    predictor = HostedPredictor(Answers(tell=answer), SIZE, 100, is_normalized=False)
    predictor.tell(np.zeros(2, np.int64))
    with pytest.raises(TextgenError, match=r"^the process of its model answers nonsense$"):
        predictor.answer()


# --- in another process


class Deeds:
    """What an assistant may do when it is asked."""

    def answer(self, values: Any) -> Any:
        """Return the values, after saying them."""
        tell(values)
        return values

    def process(self) -> int:
        """Return the number of its process."""
        return os.getpid()

    def crash(self) -> None:
        """End by a signal."""
        os.kill(os.getpid(), signal.SIGSEGV)

    def leave(self) -> None:
        """Exit."""
        raise SystemExit(3)

    def send_object(self) -> object:
        """Return what is neither JSON nor a tensor."""
        return self


def test_an_assistant_answers_in_values_and_tensors() -> None:
    assistant, said = Assistant(Deeds), list[Any]()
    values = {"a": [1, 0.5, None, "text", (True,)], "b": torch.arange(3)}
    found = assistant.ask("answer", values, hear=said.append)
    assert found.keys() == values.keys()
    assert found["a"] == values["a"]
    assert torch.equal(found["b"], values["b"])
    assert len(said) == 1
    assert assistant.ask("process") != os.getpid()
    with pytest.raises(TextgenError, match="Deeds"):
        assistant.ask("send_object")
    with pytest.raises(TextgenError, match="SystemExit"):
        assistant.ask("leave")
    with pytest.raises(TextgenError, match=r"^its process crashed \(SIGSEGV\)$"):
        assistant.ask("crash")
    assistant.end()


class Evil:
    """It runs code where it is unpickled."""

    def __reduce__(self) -> Any:
        return os.mkdir, ("unpickled",)


class Forger:
    """An assistant that writes to its line itself."""

    def forge(self) -> None:
        """Send a pickle, as processes that are trusted answer."""
        from textgen.workers.process import _lines

        _lines[0].connection.send_bytes(pickle.dumps(("result", Evil())))
        time.sleep(600)


def test_a_forged_answer_runs_no_code(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assistant = Assistant(Forger)
    with pytest.raises(TextgenError, match=r"^its answer cannot be read"):
        assistant.ask("forge")
    assistant.end()
    assert not (tmp_path / "unpickled").exists()
