"""Checks of the kinds whose components are classes: methods, docstring, options, side effects."""

from __future__ import annotations

import inspect
import io
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import redirect_stdout, suppress
from typing import get_type_hints

import torch
from torch import nn

from textgen import contracts
from textgen.evaluation.plugin_metrics import measured
from textgen.experiment.entry_parser import PARTS
from textgen.nn.language_model import ModelClass
from textgen.registry.isolation import restoring
from textgen.registry.kinds import fault
from textgen.registry.options import declared_options, is_plain, parse_assignments, write_value
from textgen.training.train_options import TrainOptions
from textgen_kit.checking import (
    SETTINGS,
    TORCH_RANDOM,
    CheckError,
    CheckSkipped,
    CheckWarning,
    SettingChangedError,
    Subject,
    bound,
    expect,
    predicted,
    random_batch,
    reworded,
    shown,
    state_unchanged,
)
from textgen_kit.kinds.corpus import read
from textgen_kit.kinds.embedding import vectors_of
from textgen_kit.kinds.logger import built, log_run, new_folder
from textgen_kit.kinds.model import by_steps
from textgen_kit.kinds.model_training import loss_of
from textgen_kit.kinds.reader import files
from textgen_kit.kinds.reader import read as read_file
from textgen_kit.kinds.result import kind_of
from textgen_kit.kinds.sampler import many_steps
from textgen_kit.kinds.tokenizer import saved_state
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


def check_class_docstring(subject: Subject) -> None:
    """It has a docstring.

    Lists show its first line.
    """
    documentation = (subject.component.__doc__ or "").strip()
    name = getattr(subject.component, "__name__", shown(subject.component))
    is_generated = documentation.startswith(f"{name}(")  # by dataclasses
    expect(bool(documentation) and not is_generated, f"a docstring of {name}")


def check_class_options(subject: Subject) -> None:
    """Each argument has a default, and each option's default can be written out and read back.

    Users can set an argument whose default is a bool, int, float, str or None.
    """
    component = subject.component
    with reworded("expected annotations that can be read at run time;"):
        declared = declared_options(component)
    parameters = inspect.signature(component).parameters
    for name, parameter in parameters.items():
        is_given = name in GIVEN.get(subject.kind, ()) or parameter.kind in MANY
        expect(
            is_given or parameter.default is not parameter.empty,
            f"a default for the argument {name}, which users may leave out; it has none",
        )
    for name, option in declared.items():
        written = f"{name}={write_value(option.default)}"
        with reworded(f"expected a default of {name} that users can write; got:"):
            read = option.parse(component.__name__, parse_assignments(component.__name__, written)[name])
        expect(read == option.default, f"{written} to be read as {option.default!r}; got {read!r}")


def check_class_search(subject: Subject) -> None:
    """The values that an option declares to be searched are valid.

    Otherwise every `textgen tune` of the component loses trials or fails.
    """
    for name, option in declared_options(subject.component).items():
        if (search := option.search) is None:
            continue
        ends = [end for end in (search.low, search.high) if end is not None]
        expect(ends == sorted(ends), f"a range from low to high of {name}; got {search}")
        for value in search.values or ends:
            with reworded(f"expected a searched value of {name} to be valid; got:"):
                option.parse(subject.component.__name__, write_value(value))


def check_class_pitfalls(subject: Subject) -> None:
    """Warn about arguments that look like options and are none, and options named like those of training.

    Users could not set it, or not by its name alone.
    """
    found = "; ".join(pitfalls(subject.kind, subject.component))
    if found:
        raise CheckWarning(found)


def pitfalls(kind: str, component: type) -> Iterator[str]:
    """Yield what a component's author may have forgotten, or not known."""
    declared, own = declared_options(component), vars(component)
    if kind != "model" and "__init__" not in own:  # which @dataclass would write
        hints: dict[str, object] = {}
        with suppress(NameError):  # of what only type checkers import
            hints = get_type_hints(component, include_extras=True)
        plain = [name for name in inspect.get_annotations(component) if is_plain(hints.get(name))]
        if names := [name for name in plain if name in own and name not in MEMBERS and name[0] != "_"]:
            yield f"not an option without @dataclass before the class, which it lacks: {', '.join(names)}"
    for name, parameter in inspect.signature(component).parameters.items():
        if not (name in declared or name in GIVEN.get(kind, ()) or parameter.kind in MANY):
            is_given = parameter.annotation is not parameter.empty
            given = parameter.annotation if is_given else type(parameter.default)
            yield (
                f"{name} is not an option, since its type is {getattr(given, '__name__', given)}; use bool, "
                "int, float, str, a Literal, or one of them or None"
            )
    for name in declared.keys() & declared_options(TrainOptions).keys() if kind in PARTS else ():
        yield (
            f"{name} is also an option of training, so users must write {kind}.{name}; choose another name, "
            "or recommend a value of that one in recommended_training"
        )


def check_class_contract(subject: Subject) -> None:
    """It is a class, has the methods of its kind, and can be built and used without an error.

    Otherwise it fails in the middle of a run.
    """
    kind, problem = subject.kind, fault(subject.kind, subject.component)
    expect(problem is None, f"a class with the methods of a {kind}; {problem}")
    made = built(subject) if kind == "logger" else subject.new()
    if kind == "model":
        expect(isinstance(made, nn.Module), f"a torch.nn.Module; got {shown(made)}")
        is_right = not (ModelClass(subject.component).accepts_base and list(made.parameters()))
        expect(is_right, "no parameters, since the base alone is trained; got some: make them buffers")
    if kind == "embedding":
        expect(hasattr(made, "frozen"), f"an attribute frozen; {shown(made)} lacks it")
    if kind == "tokenizer":
        made = subject.fitted(PROSE)
        expect(hasattr(made, "tokens"), f"tokens after fit; {shown(made)} lacks them")
        is_row = isinstance(made.tokens, Sequence) and not isinstance(made.tokens, str)
        kind_of_tokens = type(made.tokens).__name__
        expect(is_row, f"a list or another sequence of strings as tokens; got {kind_of_tokens}")
        wrong = [token for token in made.tokens if not isinstance(token, str)]
        expect(not wrong, f"strings in tokens; got {shown(wrong[:1])}")
    if kind != "reader":  # which gets files of other formats, too
        with suppress(CheckError, CheckSkipped):  # of which other checks tell
            use(subject)


def use_tokenizer(subject: Subject) -> None:
    """Fit, encode, decode, save and restore."""
    tokenizer = subject.fitted(PROSE)
    tokenizer.decode(tokenizer.encode(OTHER_PROSE))
    subject.new().restore(json.loads(saved_state(tokenizer)))


def use_model(subject: Subject) -> None:
    """Train, predict and generate."""
    model = subject.trained_model(1)
    ids = random_batch(2, 6)
    _, state = predicted(model, ids, model.initial_state(2))
    if bound(model).is_trainable:
        loss_of(model.train(), ids, state)
    if hasattr(model, "prepare_step"):
        by_steps(model.eval(), ids, 1, torch.float32)


def use_logger(subject: Subject) -> None:
    """Log a short run."""
    with new_folder() as folder:
        log_run(subject, folder, succeeded=True)


USES: dict[str, Callable[[Subject], object]] = {
    "tokenizer": use_tokenizer,
    "model": use_model,
    "embedding": lambda subject: vectors_of(subject.new()),
    "sampler": lambda subject: many_steps(subject.new()),
    "corpus": lambda subject: read(subject.new()),
    "cleaner": lambda subject: subject.new().clean(PROSE),
    "reader": lambda subject: [read_file(subject, data) for data in files().values()],
    "logger": use_logger,
    "metric": lambda subject: measured(subject.new(), PROSE),
    "result": lambda subject: kind_of(subject).files(),
}
"""Kind of component: everything that textgen does with one, once."""


def use(subject: Subject) -> None:
    """Do everything with a component once; raises `SettingChangedError` if that changes a setting."""
    # The weights of a model come from torch's generator, see model-seed.
    watched = [setting for setting in SETTINGS if subject.kind != "model" or setting is not TORCH_RANDOM]
    with restoring(SETTINGS), state_unchanged(f"building or using this {subject.kind}", watched):
        try:
            USES[subject.kind](subject)
        except AttributeError as error:
            if subject.kind == "model" and ModelClass(subject.component).accepts_base:
                error.add_note("while its base is None, as it may be")
            raise


def check_class_no_global_state(subject: Subject) -> None:
    """Building and using it changes nothing that belongs to the whole process.

    A change of torch's default dtype, the working directory or os.environ would affect other components. What
    it prints is a warning, since stdout is for results.
    """
    num_modules, printed = len(sys.modules), io.StringIO()
    try:
        with redirect_stdout(printed):
            use(subject)
    except SettingChangedError:
        if len(sys.modules) == num_modules:
            raise
        use(subject)  # a library that changes something when it is first imported is not to blame
    except CheckError:  # of which other checks tell
        pass
    if printed.getvalue():
        first = shown(printed.getvalue().partition("\n")[0])
        raise CheckWarning(f"prints {first} to stdout, which is for results; remove that")
