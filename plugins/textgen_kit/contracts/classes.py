"""Checks of all kinds, most of them of those that are classes, and the order of the checks of each kind."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout, suppress
from io import StringIO
from typing import Any, get_type_hints

import torch

from textgen import contracts
from textgen.contracts import TextgenError
from textgen.evaluation.plugin_metrics import measured
from textgen.registry.isolation import restoring
from textgen.registry.options import declared_options, is_plain, parse_assignments, write_value
from textgen.registry.plugin_kinds import REQUIRED, fault
from textgen_kit.contracts import model, others, sampler, tokenizer
from textgen_kit.subject import (
    RANDOM,
    SETTINGS,
    TORCH_RANDOM,
    CheckError,
    CheckSkipped,
    Subject,
    expect,
    expect_same,
    shown,
)
from textgen_kit.texts import OTHER_PROSE, PROSE

MANY = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
GIVEN = {"model": ("vocab_size", "vectors", "tokens", "fallback", "word_list", "base")}
"""Kind of component: the arguments that textgen passes itself."""
MEMBERS = {
    name
    for contract in vars(contracts).values()
    if getattr(contract, "_is_protocol", False)
    for name in inspect.get_annotations(contract)
} - {"temperature"}
"""Attributes that a class may have without their being options."""


def words_and_vectors(embedded: Any, _: object) -> list[Any]:
    """Return the words and vectors for the kit's text."""
    vectors = others.vectors_of(embedded)
    return [*vectors.words, vectors.table.tobytes()]


USES: dict[str, tuple[Sequence[Any], Callable[[Any, Any], Any]]] = {
    "tokenizer": ((PROSE, OTHER_PROSE, ""), tokenizer.known),
    "model": ([None], lambda made, _: model.use(made)),
    "embedding": ([PROSE], words_and_vectors),
    "sampler": ((None, None), lambda made, _: sampler.ids_of(made)),
    "corpus": ([""], others.read),
    "cleaner": (others.TEXTS, lambda made, text: made.clean(text)),
    "reader": (list(others.FILES), others.documents),
    "metric": (others.TEXTS, measured),
    "result": ([None], lambda made, _: made.files()),
}
"""What textgen does with a component of each kind: examples, the usual one first, and its answer to one."""


def use(subject: Subject) -> None:
    """Use a component once, in the usual way; what is wrong with its answer is for other checks."""
    examples, answer = USES[subject.kind]
    with suppress(CheckError, CheckSkipped, TextgenError):
        answer(subject.new(), examples[0])


def check_docstring(subject: Subject) -> None:
    """It has a docstring, whose first line is shown in lists."""
    documentation = (subject.component.__doc__ or "").strip()
    name = getattr(subject.component, "__name__", shown(subject.component))
    is_generated = documentation.startswith(f"{name}(")  # by dataclasses
    expect(bool(documentation) and not is_generated, f"a docstring of {name}")


def check_options(subject: Subject) -> None:
    """Each argument has a default; those of options, and the values to search, can be written in an entry."""
    component = subject.component
    for name, parameter in inspect.signature(component).parameters.items():
        is_given = name in GIVEN.get(subject.kind, ()) or parameter.kind in MANY
        has_default = parameter.default is not parameter.empty
        expect(is_given or has_default, f"a default for the argument {name}, which users may leave out")
    for name, option in declared_options(component).items():
        written = f"{name}={write_value(option.default)}"
        read = option.parse(component.__name__, parse_assignments(component.__name__, written)[name])
        expect(read == option.default, f"{written} to be read as {option.default!r}; got {read!r}")
        if (search := option.search) is not None:
            ends = [end for end in (search.low, search.high) if end is not None]
            expect(ends == sorted(ends), f"a range from low to high of {name}; got {search}")
            for value in search.values or ends:
                option.parse(component.__name__, write_value(value))
    if subject.kind != "model" and "__init__" not in vars(component):  # which @dataclass would write
        hints: dict[str, object] = {}
        with suppress(NameError):  # of what only type checkers import
            hints = get_type_hints(component, include_extras=True)
        own = inspect.get_annotations(component).keys() & vars(component).keys() - MEMBERS
        plain = sorted(name for name in own if is_plain(hints.get(name)) and name[0] != "_")
        expect(not plain, f"@dataclass on the class, without which its fields are not options: {plain}")


def check_contract(subject: Subject) -> None:
    """It is a string, a function or a class with the methods of its kind, used without an error."""
    problem = fault(subject.kind, subject.component)
    expect(problem is None, f"a valid {subject.kind}; {problem}")
    if subject.kind == "model":
        model.require_model(subject.new())
    if subject.kind in USES.keys() - {"reader"}:  # which gets files of other formats, too
        use(subject)


def check_no_global_state(subject: Subject) -> None:
    """Building and using it changes nothing that belongs to the whole process, and prints nothing."""
    # The weights of a model come from torch's generator, see model-seed.
    watched = [setting for setting in SETTINGS if subject.kind != "model" or setting is not TORCH_RANDOM]
    changed, printed = watched, StringIO()
    num_modules = 0
    while changed and len(sys.modules) > num_modules:  # a library may change something when it is imported
        num_modules = len(sys.modules)
        with restoring(SETTINGS), redirect_stdout(printed):
            before = [setting.get() for setting in watched]
            use(subject)
            pairs = zip(watched, before, strict=True)
            changed = [setting for setting, value in pairs if setting.get() != value]
    names = " and ".join(setting.name for setting in changed)
    if changed and set(changed) <= set(RANDOM):
        own = "the uniforms that it is given" if subject.kind == "sampler" else "a generator of your own"
        raise CheckError(f"building or using this {subject.kind} uses {names}; use {own}")
    expect(not changed, f"{names}, which belongs to the whole process, to stay unchanged; it changed")
    first = shown(printed.getvalue().partition("\n")[0])
    expect(not printed.getvalue(), f"nothing on stdout, which is for results; it prints {first}")


def check_deterministic(subject: Subject) -> None:
    """The same input gives the same answer each time, whatever came before, without global randomness."""
    examples, answer = USES[subject.kind]
    used, new = subject.new(), subject.new()
    first = [answer(used, example) for example in examples]
    torch.manual_seed(1)
    again = [answer(used, example) for example in reversed(examples)][::-1]
    torch.manual_seed(2)
    other = [answer(new, example) for example in examples]
    for example, *answers in zip(examples, first, again, other, strict=True):
        of = "" if example is None else f" to {shown(example, 30)}"
        for each in answers[1:]:
            expect_same(answers[0], each, f"the same answer{of} every time, regardless of earlier calls")


def functions_of(kind: str) -> dict[str, Callable[[Subject], None]]:
    """Return the checks of a kind by their names, in an order in which each may rely on those before it."""
    own: dict[str, Callable[[Subject], None]] = {
        "tokenizer": named(*tokenizer.CHECKS),
        "model": named(*model.CHECKS),
        "sampler": named(*sampler.CHECKS),
        "embedding": named(*others.EMBEDDING_CHECKS),
    }.get(kind) or {each.name: each for each in others.PROMISES if each.kind == kind}
    if kind not in REQUIRED:
        return named(check_contract) | own
    first = dict(list(own.items())[:1])  # that answers have the right form
    is_repeated = kind in USES.keys() - {"model", "result"}
    before = named(check_options, check_contract, check_no_global_state) | first
    return before | named(*[check_deterministic] * is_repeated) | own | named(check_docstring)


def named(*functions: Callable[[Subject], None]) -> dict[str, Callable[[Subject], None]]:
    """Return checks by the names of their functions, without `check_` and with hyphens."""
    return {each.__name__.removeprefix("check_").replace("_", "-"): each for each in functions}
