"""Trained entries, and their folders: JSON and safetensors, written all at once or not at all."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from textgen.contracts import PretrainedVectors, TextgenError, TokenIds, Vocabulary
from textgen.data.bound_tokenizer import BoundTokenizer
from textgen.data.corpus import Corpus, TextSources, load_again
from textgen.data.split import NO_PART
from textgen.evaluation.intervals import SeedPrior
from textgen.experiment.encoding import EmbeddingAudit
from textgen.experiment.entry import Entry
from textgen.experiment.entry_result import RunResult, RunSettings, seed_prior
from textgen.generation.generator import Generator
from textgen.nn.language_model import LanguageModel
from textgen.nn.weights import set_weights, weights_of
from textgen.registry.isolation import preserve_process_state
from textgen.registry.registry import PluginError, describe_error, plugin_files, responsible_plugin
from textgen.runtime.device import CPU, DeviceConfig
from textgen.runtime.messages import one_line
from textgen.runtime.storage.files import (
    DamagedFileError,
    check_digests,
    new_folder,
    read_json,
    write_digests,
)
from textgen.runtime.storage.json_records import SCHEMA_VERSION, DamagedRecordError, read_record, with_digest
from textgen.runtime.storage.result_folders import RUN_FILE
from textgen.training.checkpoints import SNAPSHOTS, Snapshots
from textgen.version import DISTRIBUTION

TOKENIZER, WEIGHTS = "tokenizer.json", "weights.safetensors"
SPELLINGS = "spellings.json"
"""Only in a run that spells out-of-vocabulary words."""
DAMAGE = (FileNotFoundError, LookupError, ValueError, TypeError, SafetensorError)
"""Errors of reading a file that was cut, changed or removed."""
MAX_LEARNT_BYTES = 2**28
"""Maximum size of the files of a tokenizer and of spellings."""


@dataclass(frozen=True, eq=False)
class Trained:
    """A trained entry."""

    entry: Entry
    tokenizer: BoundTokenizer
    model: LanguageModel
    spellings: tuple[tuple[float, ...], ...] = field(default=(), kw_only=True)
    """Spellings of out-of-vocabulary words; see `textgen.contracts.Vocabulary`."""
    seed_prior: SeedPrior | None = field(default=None, kw_only=True)
    """What is known about the scores of other seeds; None for a model that counts."""

    def encode(self, text: str) -> TokenIds:
        """Return the tokens of a text; raises `TextgenError` if its tokenizer does not preserve it."""
        ids = self.tokenizer.encode(text)
        if not self.tokenizer.preserves(text, ids):
            name = self.entry.parts["tokenizer"]
            raise TextgenError(f"tokenizer {name!r} loses text, so there is no score; use a lossless one")
        return ids

    def generator(self, device_config: DeviceConfig) -> Generator:
        return Generator(self.model, self.tokenizer, device_config, self.spellings)


@dataclass(frozen=True, eq=False)
class SavedRun(Trained):
    """A trained and scored entry."""

    settings: RunSettings
    result: RunResult
    sources: TextSources = field(default=TextSources(), kw_only=True)
    """The sources of its text."""

    @property
    def files(self) -> RunFiles:
        """What its folder contains."""
        return RunFiles(
            RunManifest(entry=self.entry, settings=self.settings, sources=self.sources, result=self.result),
            self.tokenizer.state(),
            self.spellings,
            weights_of(self.model.module),
        )

    def corpus(self, advice: str) -> Corpus:
        """Return its text, read again; raises `TextgenError`, which ends in `advice`, if that fails."""
        known = self.settings.corpus
        try:
            if not self.sources.are_kept:
                raise TextgenError(f"the text of {self.entry.name!r} was not kept")
            corpus = load_again(self.sources, known)
            if not known.split.test.num_chars:  # it was scored on the validation part
                corpus = replace(corpus, split=replace(corpus.split, test=NO_PART))
            if (corpus.sha256, corpus.info.split.test) != (known.sha256, known.split.test):  # may be sealed
                raise TextgenError(f"the text of {self.entry.name!r} has changed since it was trained")
        except TextgenError as error:
            raise TextgenError(f"{error}; {advice}") from error
        return corpus


@dataclass(frozen=True, kw_only=True)
class RunManifest:
    """The contents of `run.json`."""

    schema_version: int = SCHEMA_VERSION
    entry: Entry
    settings: RunSettings
    sources: TextSources
    result: RunResult


@dataclass(frozen=True, eq=False)
class RunFiles:
    """The contents of the folder of a run, which say all about it without any code of its entry."""

    manifest: RunManifest
    tokenizer: Mapping[str, Any]
    """What the tokenizer has learnt."""
    spellings: tuple[tuple[float, ...], ...]
    weights: Mapping[str, Tensor]

    @property
    def result(self) -> RunResult:
        return self.manifest.result


def build_trained(
    entry: Entry,
    vocabulary: Vocabulary,
    audit: EmbeddingAudit | None,
    weights: Mapping[str, Tensor],
    device: torch.device,
) -> LanguageModel:
    """Return a new model with the weights of a trained one, ready to predict.

    What a model learnt but did not register as weights is not in it, neither in training nor from a file.
    """
    vectors = None
    if audit is not None:  # of the size that the model had in training
        size = len(vocabulary)
        table, has_vector = torch.zeros(size, audit.dimension), torch.zeros(size, dtype=torch.bool)
        vectors = PretrainedVectors(table, has_vector, audit.frozen)
    model = entry.build_model(vocabulary, vectors)
    set_weights(model.module, weights)
    model.to(device).module.eval()
    return model


def names_run(argument: str) -> bool:
    """Return whether an argument means the folder of a run and not an entry, whose parts have no slash."""
    return (Path(argument) / RUN_FILE).exists() or "/" in argument.partition(":")[0]


def write_run(folder: Path, run: RunFiles, snapshots: Path | None = None) -> None:
    """Write the run to `folder`, which must not exist yet, with its snapshots if it keeps them."""
    with new_folder(folder) as made:
        (made / RUN_FILE).write_text(with_digest(run.manifest), "utf-8")
        (made / TOKENIZER).write_text(json.dumps(run.tokenizer), "utf-8")
        if run.spellings:
            (made / SPELLINGS).write_text(json.dumps(run.spellings), "utf-8")
        save_file(dict(run.weights), made / WEIGHTS)
        write_digests(made)
        if snapshots is not None and run.manifest.entry.keeps_snapshots:
            Snapshots(snapshots).copy(made / SNAPSHOTS, run.result.train.curve)


def load_run(folder: str | Path, device: str | torch.device, after: int | None = None) -> SavedRun:
    """Read a run, or with `after` its snapshot after this many updates, with the spellings of the end.

    Raises `TextgenError` if `folder` lacks it, it is damaged, or a plugin fails at it.
    """
    folder, device = Path(folder), torch.device(device)
    files = read_run(folder)
    entry, settings, result = files.manifest.entry, files.manifest.settings, files.result
    try:
        snapshot = None if after is None else Snapshots(folder / SNAPSHOTS).load(after, result.train.curve)
    except (DamagedFileError, *DAMAGE) as error:
        raise _damaged(folder, error) from error
    try:
        with preserve_process_state():
            tokenizer = entry.build_tokenizer()
            tokenizer.restore(dict(files.tokenizer))
            if tokenizer.vocab_size != result.vocab_size:
                raise ValueError(
                    f"{TOKENIZER} has {tokenizer.vocab_size} tokens instead of {result.vocab_size}"
                )
            model = build_trained(entry, tokenizer.vocabulary, result.embedding, files.weights, CPU)
            if snapshot is not None:
                set_weights(model.reader.module, snapshot)
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
    return SavedRun(
        entry,
        tokenizer,
        model.to(device),
        settings,
        result,
        spellings=files.spellings,
        seed_prior=seed_prior(result.train),
        sources=files.manifest.sources,
    )


def read_run(folder: Path) -> RunFiles:
    """Read a run without any code of its entry; raises `TextgenError` if there is none, or it is damaged."""
    manifest = read_manifest(folder)
    try:
        spells = check_files(folder)
        learnt = dict(read_json(folder / TOKENIZER, MAX_LEARNT_BYTES))
        words = read_json(folder / SPELLINGS, MAX_LEARNT_BYTES) if spells else ()
        spellings = tuple(tuple(map(float, word)) for word in words)
        return RunFiles(manifest, learnt, spellings, load_file(folder / WEIGHTS))
    except (DamagedFileError, *DAMAGE) as error:
        raise _damaged(folder, error) from error
    except OSError as error:
        raise TextgenError(f"cannot read run {str(folder)!r}: {error.strerror or error}") from error


def check_files(folder: Path) -> bool:
    """Verify the files of a run by their digests, and return whether there are spellings.

    Raises `DamagedFileError`, `OSError` or `ValueError`.
    """
    spells = (folder / SPELLINGS).exists()
    check_digests(folder, (RUN_FILE, TOKENIZER, WEIGHTS, *([SPELLINGS] if spells else [])))
    with safe_open(folder / WEIGHTS, framework="numpy") as tensors:
        tensors.keys()
    return spells


def _origins(settings: RunSettings) -> list[str]:
    """Return the distributions and plugin files of a run's components, with their versions."""
    return list(dict.fromkeys(settings.plugins.values()))


def _missing_files(settings: RunSettings) -> str:
    """Return the advice to add the plugin files that a run was made with and that are not loaded."""
    loaded = {path.name for path in plugin_files()}
    files = [origin.rpartition(" ")[0] for origin in _origins(settings)]
    missing = [f"--plugin {file}" for file in files if file.endswith(".py") and file not in loaded]
    return f"; add {' '.join(missing)}" if missing else ""


def _damaged(folder: Path, error: BaseException) -> TextgenError:
    reason = one_line(error, with_type=False)
    return TextgenError(
        f"run {str(folder)!r} is damaged, or from another version of textgen ({reason}); train it again"
    )


def read_manifest(folder: Path) -> RunManifest:
    """Return the contents of `run.json`; raises `TextgenError` if it is absent, damaged or too new."""
    path = folder / RUN_FILE
    if not path.is_file():
        raise TextgenError(
            f"no run in {str(folder)!r}: give the folder of a textgen train run, "
            "or one in the runs/ folder of a bench"
        )
    try:
        return read_record(RunManifest, path)
    except DamagedRecordError as error:
        raise _damaged(folder, error) from error
