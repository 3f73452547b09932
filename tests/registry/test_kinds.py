"""The methods that make a class a component are those of its contract."""

from __future__ import annotations

from torch import nn

from textgen.registry.kinds import fault, kinds_of


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
