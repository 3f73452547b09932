"""Run folders: one trained entry on disk as JSON and safetensors, written all at once or not at all."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from textgen.api import TextgenError
from textgen.data.corpus import TextSources
from textgen.experiment.entry import Entry
from textgen.experiment.results import RunResult, RunSettings
from textgen.experiment.trained import Trained, build_trained
from textgen.nn.weights import weights_of
from textgen.registry.attribution import describe_error, responsible_plugin
from textgen.registry.isolation import preserve_process_state
from textgen.registry.registry import PluginError, plugin_files
from textgen.runtime.digests import DamagedFileError, check_digests, write_digests
from textgen.runtime.files import new_folder
from textgen.runtime.json_records import SCHEMA_VERSION, DamagedRecordError, read_record, to_json
from textgen.runtime.messages import one_line
from textgen.version import DISTRIBUTION

MANIFEST, TOKENIZER, WEIGHTS = "run.json", "tokenizer.json", "weights.safetensors"
SPELLINGS = "spellings.json"
"""Only in a run that spells out-of-vocabulary words."""
DAMAGE = (FileNotFoundError, LookupError, ValueError, TypeError, SafetensorError)
"""What reading a file that was cut, changed or removed may raise."""
CPU = torch.device("cpu")


@dataclass(frozen=True, kw_only=True)
class RunManifest:
    """The contents of `run.json`."""

    schema_version: int = SCHEMA_VERSION
    entry: Entry
    settings: RunSettings
    sources: TextSources
    result: RunResult


@dataclass(frozen=True, eq=False)
class Run(Trained):
    """A trained and scored entry."""

    settings: RunSettings
    result: RunResult
    sources: TextSources = field(default=TextSources(), kw_only=True)
    """Where its text was read from."""


def names_run(argument: str) -> bool:
    """Return whether an argument means the folder of a run and not an entry, whose parts have no slash."""
    return (Path(argument) / MANIFEST).exists() or "/" in argument.partition(":")[0]


def save_run(folder: Path, run: Run) -> None:
    """Write the run to `folder`, which must not exist yet."""
    with new_folder(folder) as made:
        manifest = RunManifest(entry=run.entry, settings=run.settings, sources=run.sources, result=run.result)
        (made / MANIFEST).write_text(to_json(manifest), "utf-8")
        (made / TOKENIZER).write_text(json.dumps(run.tokenizer.state()), "utf-8")
        if run.spellings:
            (made / SPELLINGS).write_text(json.dumps(run.spellings), "utf-8")
        save_file(weights_of(run.model.module), made / WEIGHTS)
        write_digests(made)


def load_run(folder: str | Path, device: str | torch.device) -> Run:
    """Read a run; raises `TextgenError` if `folder` lacks one, it is damaged, or a plugin fails at it."""
    folder, device = Path(folder), torch.device(device)
    manifest = read_manifest(folder)
    entry, settings, result = manifest.entry, manifest.settings, manifest.result
    try:
        check_digests(folder)
        learnt = json.loads((folder / TOKENIZER).read_text("utf-8"))
        weights = load_file(folder / WEIGHTS)
        spellings = _read_spellings(folder / SPELLINGS)
    except (DamagedFileError, *DAMAGE) as error:
        raise _damaged(folder, error) from error
    except OSError as error:
        raise TextgenError(f"cannot read run {str(folder)!r}: {error.strerror or error}") from error
    try:
        with preserve_process_state():
            tokenizer = entry.build_tokenizer()
            tokenizer.restore(learnt)
            model = build_trained(entry, tokenizer.vocabulary, result.embedding, weights, CPU)
    except TextgenError as error:
        origin = f"{_missing_files(settings)}; it was made with {', '.join(_origins(settings))}"
        raise TextgenError(f"run {str(folder)!r} cannot be loaded: {error}{origin}") from error
    except (KeyboardInterrupt, MemoryError):
        raise
    except BaseException as error:
        plugin = responsible_plugin(error)
        if plugin is not None and plugin.distribution != DISTRIBUTION:
            raise PluginError(f"run {str(folder)!r} cannot be loaded: {describe_error(error)}") from error
        raise _damaged(folder, error) from error
    # A device that is missing or full is not the run's fault.
    return Run(
        entry,
        tokenizer,
        model.to(device),
        settings,
        result,
        spellings=spellings,
        sources=manifest.sources,
    )


def _origins(settings: RunSettings) -> list[str]:
    """Return the distributions and plugin files of a run's components, with their versions."""
    return list(dict.fromkeys(settings.plugins.values()))


def _missing_files(settings: RunSettings) -> str:
    """Return the advice to add the plugin files that a run was made with and that are not loaded."""
    loaded = {path.name for path in plugin_files()}
    files = [origin.rpartition(" ")[0] for origin in _origins(settings)]
    missing = [f"--plugin {file}" for file in files if file.endswith(".py") and file not in loaded]
    return f"; add {' '.join(missing)}" if missing else ""


def _read_spellings(path: Path) -> tuple[tuple[float, ...], ...]:
    """Return the contents of `spellings.json`, or nothing without one."""
    if not path.exists():
        return ()
    words = json.loads(path.read_text("utf-8"))
    if not isinstance(words, list) or any(len(word) < 2 for word in words):
        raise ValueError(f"{path.name} lacks spellings")
    return tuple(tuple(map(float, word)) for word in words)


def _damaged(folder: Path, error: BaseException) -> TextgenError:
    reason = one_line(error, with_type=False)[:200]
    return TextgenError(
        f"run {str(folder)!r} is damaged, or of another version of textgen ({reason}); train it again"
    )


def read_manifest(folder: Path) -> RunManifest:
    """Return the contents of `run.json`; raises `TextgenError` if it is absent, damaged or too new."""
    path = folder / MANIFEST
    if not path.is_file():
        raise TextgenError(
            f"no run in {str(folder)!r}: give the folder of a textgen train run, "
            "or one in the runs/ folder of a bench"
        )
    try:
        return read_record(RunManifest, path)
    except DamagedRecordError as error:
        raise _damaged(folder, error) from error
