"""The methods that make a class a component are those of its contract."""

from __future__ import annotations

from torch import nn

from textgen.registry.kinds import REQUIRED, fault, kinds_of


def test_required_methods_are_those_of_the_contracts() -> None:
    assert REQUIRED == {
        "tokenizer": ("fit", "encode", "decode", "state", "restore"),
        "model": ("initial_state", "forward", "state_dict"),
        "embedding": ("vectors",),
        "sampler": ("__call__",),
        "corpus": ("read",),
        "cleaner": ("clean",),
        "reader": ("documents",),
        "logger": ("open", "log", "close", "command"),
        "result": ("record", "about", "text"),
    }


def test_a_class_is_known_by_its_methods() -> None:
    class Stateful:
        def start(self) -> None: ...

    class Reader:
        def read(self) -> None: ...

    class Net(nn.Module):
        def initial_state(self) -> None: ...

    assert kinds_of(Reader) == ["corpus"]
    assert fault("sampler", Stateful) is None
    assert fault("cleaner", Reader) == "Reader lacks clean; it looks like a corpus"
    assert fault("model", Net) == "Net lacks forward"
    assert (
        fault("model", Reader)
        == "Reader lacks initial_state and forward and state_dict; it looks like a corpus"
    )
    assert fault("model", 3) == "a model is a class, not int 3"
    assert fault("lexicon", 3) == "a lexicon is a function, not int 3"
    assert fault("backend", 3) == "a backend is a function, not int 3"
    assert fault("backend", Reader) is None
