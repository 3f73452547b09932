"""Every number that a bundled component takes has a range, so that one that cannot be meant is refused."""

from __future__ import annotations

from typing import Any, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt

from textgen.registry.options import declared_options, metadata
from textgen.registry.registry import KINDS, load, plugins
from textgen.training.train_options import TrainOptions
from textgen.version import DISTRIBUTION

COMPONENTS = {"training": TrainOptions} | {
    f"{plugin.kind} {plugin.name}": load(plugin.kind, plugin.name)
    for kind in KINDS
    for plugin in plugins(kind)
    if plugin.distribution == DISTRIBUTION and isinstance(load(plugin.kind, plugin.name), type)
}
NUMBERS = {
    f"{owner} {name}": option
    for owner, component in COMPONENTS.items()
    for name, option in declared_options(component).items()
    if isinstance(option.default, int | float) and not isinstance(option.default, bool)
}


def is_number(annotation: Any) -> bool:
    return annotation in (int, float) or any(map(is_number, get_args(annotation)))


def test_the_table_holds_the_options_of_all_kinds() -> None:
    owners = {name.rpartition(" ")[0] for name in NUMBERS}
    assert {"training", "model lstm", "sampler top-k", "tokenizer word", "embedding word2vec"} <= owners


def test_every_number_has_both_bounds() -> None:
    annotated = {
        f"{owner} {name}": option
        for owner, component in COMPONENTS.items()
        for name, option in declared_options(component).items()
        if is_number(option.annotation) and get_origin(option.annotation) is not None
    }
    unbounded = []
    for name, option in {**annotated, **NUMBERS}.items():
        bounds = list(metadata(option.annotation))
        has_both = any(isinstance(bound, Ge | Gt) for bound in bounds) and any(
            isinstance(bound, Le | Lt) for bound in bounds
        )
        unbounded += [] if has_both else [name]
    assert unbounded == []
