"""All settings of an entry, defaults included, so that entries can be compared by them."""

from __future__ import annotations

from dataclasses import asdict

from textgen.experiment.entry import Entry
from textgen.registry.options import declared_options, write_value
from textgen.registry.registry import load


def all_settings(entry: Entry) -> dict[str, str]:
    """Return the components and options of an entry by name, such as `model` and `model.num_layers`."""
    settings = dict(entry.parts)
    for part, (kind, name) in entry.components.items():
        given = entry.options.get(part, {})
        for option, declared in declared_options(load(kind, name)).items():
            settings[f"{part}.{option}"] = write_value(given.get(option, declared.default))
    if entry.is_trainable:
        settings |= {
            f"train.{name}": write_value(value) for name, value in asdict(entry.train_options()).items()
        }
    return settings
