"""Verification of a comparison by its runs: their own files, and what they predict and write again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields, replace
from functools import cached_property
from itertools import cycle
from pathlib import Path
from typing import Any

import torch

from textgen.contracts import TextgenError
from textgen.data.corpus import Corpus, load_again
from textgen.data.sources import STANDARD_INPUT
from textgen.data.split import PARTS
from textgen.data.words import without_cut_word
from textgen.evaluation.memorization import find_overlap
from textgen.evaluation.metrics import LETTERS, METRICS
from textgen.evaluation.text_metrics import TextAnalyzer, load_lexicon
from textgen.experiment.entry_result import EntryResult, FailedEntry, RunResult, Sample
from textgen.experiment.origin import with_overlap
from textgen.experiment.samples import SHOWN, SampleWriter
from textgen.experiment.saved_run import read_manifest
from textgen.jobs.backends import LocalBackend
from textgen.jobs.plugin_code import informed
from textgen.jobs.runner import run_jobs
from textgen.registry.registry import plugin_files
from textgen.results.comparison import Comparison
from textgen.results.details import Details, MarkedSample, marked
from textgen.results.folders import run_folder
from textgen.results.passages import PassageReading, choose_passages
from textgen.runtime.device import DeviceConfig
from textgen.runtime.output import note
from textgen_verify.rerun import RerunJob, RunAgain, WriteAgain
from textgen_verify.verification import RELATIVE_TOLERANCE, Disagreement, Partial, VerificationCheck, compared

SAME_SCORE = 1e-4
"""Bits per character by which the score of a run may change on another machine."""
SAME_STRETCH, MAX_ROUNDED_BITS = 1e-3, 0.1
"""The share of the bits of a stretch, and bits, that may change: fewer tokens than in a text are rounded."""
SETTINGS = ("corpus", "budget", "device", "precision")
"""What all runs of a comparison have in common."""
IN_DETAILS = "details.json/"
"""What the kinds of values in details begin with."""
SAME_FREEDOM = 0.1
"""Relative difference of a temperature that was found again, and of the entropy of choices, where texts are
not the same: on another machine a sample may differ from some character on."""
SAME_BITS, SAME_PER_MILLE = 2e-3, 2
"""The difference of rounded bits of tokens and of rounded probabilities."""


def has_runs(result: Comparison, folder: Path) -> bool:
    """Return whether a folder holds all runs of a comparison."""
    return bool(result.runs) and all(_folder(folder, row).is_dir() for row in result.runs)


def verify_rows(result: Comparison, folder: Path) -> VerificationCheck:
    """Return the check of rows against the results that the runs in `folder` were saved with."""
    again, lost = Partial(entries=[]), list[Disagreement]()
    for row in result.entries:
        again["entries"].append(Partial())
        if not isinstance(row, EntryResult):
            continue
        try:
            manifest = read_manifest(_folder(folder, row))
        except TextgenError as error:
            lost.append(Disagreement(row_name(row), "a run", f"nothing: {error}"))
            continue
        again["entries"][-1] |= {each.name: getattr(manifest.result, each.name) for each in fields(RunResult)}
        # Of the sources only this, since a run that is reused may know the same text by another path.
        again |= {name: getattr(manifest.settings, name) for name in SETTINGS}
        again["sources"] = Partial(max_chars=manifest.sources.max_chars)
    check = compared("values of the runs' own files", result, again)
    return replace(check, disagreements=(*lost, *check.disagreements))


def verify_runs(
    result: Comparison, details: Details | None, corpus: Corpus, folder: Path, device: torch.device
) -> Iterator[VerificationCheck]:
    """Yield checks of what the runs in `folder` predict and wrote, on the text as it was loaded again."""
    overlap = find_overlap(corpus.split.held_out.stretches(), corpus.split.train.text)
    yield compared("values of the text", result, Partial(overlap=overlap))
    if any(row.origin for row in result.runs):
        origins = Partial(entries=[_origin_again(row, folder, corpus) for row in result.entries])
        yield compared("what entries start from", result, origins)
    texts = KeptTexts.of(result, details, corpus, device) if details else None
    if texts:
        yield from texts.checks()
    yield from _rescored(result, corpus, folder, device, texts)


def _origin_again(row: EntryResult | FailedEntry, folder: Path, corpus: Corpus) -> Partial:
    """Return what an entry starts from, by the run that is there now; nothing if it is gone."""
    if isinstance(row, EntryResult) and row.origin:
        with suppress(TextgenError):
            again = with_overlap(read_manifest(_folder(folder, row)).entry, corpus)
            return Partial(origin=replace(again, is_used=row.origin.is_used) if again else None)
    return Partial()


def loaded_again(result: Comparison) -> Corpus:
    """Return the text of a comparison, read again; raises `TextgenError` if that is not possible."""
    sources = result.sources
    if not sources.names or "-" in sources.names:
        origin = "standard input" if sources.names else "a source that was not recorded"
        raise TextgenError(f"the text was read from {origin}, so the runs cannot be scored again")
    if sources.sealed == STANDARD_INPUT:
        note("reading the sealed text of this result from standard input")
    return load_again(sources, result.corpus)


def row_name(row: EntryResult) -> str:
    """Return the name of a row in messages."""
    return f"{row.name} (seed {row.seed})"


def _rescored(
    result: Comparison, corpus: Corpus, folder: Path, device: torch.device, texts: KeptTexts | None
) -> Iterator[VerificationCheck]:
    """Yield the checks of what all runs predict: scores, sizes, and with `texts` what else they do."""
    made = _rerun([(_folder(folder, row), row) for row in result.runs], corpus, device, texts)
    largest, wrong = 0.0, list[Disagreement]()
    facts, scores, units = ([Partial() for _ in result.entries] for _ in range(3))
    for row, own, bits, stretches in zip(result.entries, facts, scores, units, strict=True):
        if not isinstance(row, EntryResult):
            continue
        again = made[_folder(folder, row)]
        if isinstance(again, str):  # one run does not keep the others from being checked
            score = row.score(result.scored_on)
            saved_bits = score.bits_per_char if score else "no score"
            wrong.append(Disagreement(row_name(row), saved_bits, f"nothing: {again}"))
            continue
        own |= {name: fact for name, fact in again.facts.items() if getattr(row, name) is not None}
        if (again.problem is None) != (row.problem is None):
            wrong.append(Disagreement(f"{row_name(row)}, rank", row.problem, again.problem))
        for part in PARTS[1:]:
            saved, found = getattr(row, part), again.parts.get(part)
            if saved is None or found is None:
                continue
            largest = max(largest, abs(found.bits_per_char - saved.bits_per_char))
            bits[part] = Partial(bits_per_char=found.bits_per_char)
            if found.units and saved.units:
                stretches[part] = Partial(units=Partial(bits=found.units.bits))
            counted = ("oov_rate", "num_bytes", "num_words", "num_oov", "num_between_spaces")
            own[part] = Partial({name: getattr(found, name) for name in counted})
    remark = f", the largest difference is {largest:.1g} bits per character"
    check = compared("scores of saved runs", result.entries, scores, remark=remark, absolute=SAME_SCORE)
    yield replace(check, disagreements=(*check.disagreements, *wrong), covers=())
    of_stretches = compared(
        "bits of stretches", result.entries, units, relative=SAME_STRETCH, absolute=MAX_ROUNDED_BITS
    )
    yield of_stretches.within("entries.")
    yield compared("facts of saved runs", result.entries, facts).within("entries.")
    if texts:
        runs = [(row, made[_folder(folder, row)]) for row in result.runs]
        yield from texts.checks_of_runs([(row, run) for row, run in runs if not isinstance(run, str)])


def _rerun(
    runs: Sequence[tuple[Path, EntryResult]], corpus: Corpus, device: torch.device, texts: KeptTexts | None
) -> dict[Path, RunAgain | str]:
    """Return what is found of each run, or why nothing is."""
    jobs, found = list[RerunJob](), dict[Path, RunAgain | str]()
    for path, row in runs:
        try:
            entry = informed(read_manifest(path).entry)
        except TextgenError as error:
            found[path] = str(error)
            continue
        write_again = texts.write_again(row) if texts else None
        files = plugin_files(entry.components.values())
        jobs.append(RerunJob(path, entry, corpus, device, write_again, files))
    for job, outcome in run_jobs(jobs, RunAgain, LocalBackend()):
        found[job.run] = outcome.result or outcome.failure
    return found


def _folder(folder: Path, row: EntryResult) -> Path:
    return run_folder(folder, row.name, row.seed)


@dataclass
class KeptTexts:
    """The texts that runs wrote, measured again; and what the runs do with the same passages now."""

    result: Comparison
    details: Details
    writer: SampleWriter
    config: DeviceConfig
    knows_words: bool
    """False if real words were looked up in lexicons that are not installed here."""

    @classmethod
    def of(cls, result: Comparison, details: Details, corpus: Corpus, device: torch.device) -> KeptTexts:
        """Return what is compared."""
        lexicon = load_lexicon(corpus.language)
        analyzer = TextAnalyzer(corpus.split.train.text, lexicon, corpus.language)
        stretches = corpus.split.held_out.stretches()
        writer = SampleWriter(stretches, analyzer, details.sample_chars)
        if result.prompts != tuple(writer.shown_prompts()):
            writer.prompts = result.prompts
        config = DeviceConfig(device, result.precision if result.device == device.type else "fp32")
        return cls(result, details, writer, config, lexicon.sources == result.lexicons)

    @cached_property
    def _metrics(self) -> list[str]:
        """The metrics that can be measured here: those of plugins are not."""
        names = [LETTERS, *METRICS]
        return [name for name in names if self.knows_words or not name.startswith("real_word")]

    def checks(self) -> Iterator[VerificationCheck]:
        """Yield the checks of metrics, samples and marks, which need no run."""
        author = self.writer.measure_held_out()
        shares = {} if self.writer.passages_overlap else author.pseudovalues
        held_out = Partial(sample_metrics=self._known(author.metrics), pseudovalues=self._known(shares))
        entries = [
            self._row(row) if isinstance(row, EntryResult) else Partial() for row in self.result.entries
        ]
        again = Partial(held_out=held_out, entries=entries)
        again |= {"lexicons": self.result.lexicons} if self.knows_words else {}
        again |= {} if self.writer.prompts else {"prompts": self.writer.shown_prompts()}
        yield compared("values of kept texts", self.result, again)
        unmarked = [(entry, list(map(_unmarked, entry.samples))) for entry in self.details.entries]
        found = marked(self.writer.analyzer, unmarked)
        again = Partial(
            passages=choose_passages(self.writer.held_out), entries=list(map(self._details, found))
        )
        # Without these, metrics and samples are others.
        own = ["sample_chars", "texts", "entries.*.name", "entries.*.writing.*.sampler"]
        yield compared("values of details", self.details, again, decided_by=own).within(IN_DETAILS)

    def _row(self, row: EntryResult) -> Partial:
        """Return the metrics of what a run wrote, and what is known of its samples."""
        texts = self._texts(row.name, row.seed, self.result.measured_sampler)
        metrics, pseudovalues = self._measured(texts)
        samples = self._samples(row.samples, row.name, row.seed)
        again = Partial(metric_pseudovalues=pseudovalues, samples=samples)
        if row.sample_metrics is not None or metrics:
            again["sample_metrics"] = metrics
        if self.knows_words:
            again["made_up_words"] = self.writer.made_up_words(texts, row.samples)
            made_up = self.writer.analyzer.made_up_share
            again["made_up_shares"] = [made_up(moment.text) for moment in row.train.moments]
        return again

    def _details(self, entry: Any) -> Partial:
        """Return the metrics and the marks of what an entry wrote, which is marked again."""
        seed = self._first_seed(entry.name)
        writing = [
            Partial(metrics=self._measured(self._texts(entry.name, seed, each.sampler))[0])
            for each in entry.writing
        ]
        samples = self._samples(entry.samples, entry.name, seed)
        for again, sample in zip(samples, entry.samples, strict=True):
            again["copied"] = sample.copied
            if self.knows_words:
                again["made_up"] = sample.made_up
        return Partial(writing=writing, samples=samples)

    def _texts(self, name: str, seed: int, sampler: str) -> tuple[str, ...]:
        """Return the texts that a run wrote with a sampler; none if it wrote none."""
        wanted = (name, seed, sampler)
        kept = (each.texts for each in self.details.texts if (each.name, each.seed, each.sampler) == wanted)
        return next(kept, ())

    def _measured(self, texts: Sequence[str]) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return metrics and pseudo-values of texts; none of no texts."""
        if not texts:
            return {}, {}
        measured = self.writer.analyzer.measure(texts)
        return self._known(measured.metrics), self._known(measured.pseudovalues)

    def _known(self, values: Mapping[str, Any]) -> Partial:
        """Return the metrics, or their pseudo-values, that can be measured here."""
        return Partial({name: values[name] for name in self._metrics if name in values})

    def _samples(self, samples: Sequence[Sample], name: str, seed: int) -> list[Partial]:
        """Return prompts, seeds and texts of the samples of a run, of which each sampler has equally many."""
        again, seeds = list[Partial](), self.writer.shown_seeds(seed)
        shown = cycle(zip(self.result.prompts, seeds, strict=False))
        for sample, (prompt, each) in zip(samples, shown, strict=False):
            again.append(Partial(prompt=prompt, seed=each))
            if self._keeps_samples:
                text = self._texts(name, seed, sample.sampler)[each - seeds[0]]
                again[-1]["text"] = without_cut_word(text)
        return again

    @cached_property
    def _keeps_samples(self) -> bool:
        """True if all samples are among the texts that metrics were taken from, which are kept."""
        runs = [(row.name, row.seed, row.samples) for row in self.result.runs]
        runs += [(each.name, self._first_seed(each.name), each.samples) for each in self.details.entries]
        samplers = {(name, seed, each.sampler) for name, seed, samples in runs for each in samples}
        return not self.writer.prompts and all(len(self._texts(*each)) > SHOWN[-1] for each in samplers)

    def _first_seed(self, name: str) -> int:
        """Return the training seed of the run of an entry that has details."""
        return min(row.seed for row in self.result.runs if row.name == name)

    def write_again(self, row: EntryResult) -> WriteAgain:
        """Return what a run writes with the first sampler, and reads if it is the one with details."""
        saved = next((each.reading for each in self.details.entries if each.name == row.name), None)
        is_read = saved is not None and row.seed == self._first_seed(row.name)
        sampler = self.result.measured_sampler
        kept = self._texts(row.name, row.seed, sampler)
        passages = choose_passages(self.writer.held_out) if is_read else []
        return WriteAgain(self.writer, self.config, sampler, row.seed, row.freedom, kept, passages)

    def checks_of_runs(self, again: Sequence[tuple[EntryResult, RunAgain]]) -> Iterator[VerificationCheck]:
        """Yield the checks of what runs have written and read once more.

        Only where the texts are the same, as on the same machine, the entropy is exactly the same.
        """
        wrong, num_written, num_same = list[Disagreement](), 0, 0
        settings, readings = dict[str, dict[str, str]](), dict[str, PassageReading]()
        for row, run in again:
            settings[row.name] = run.settings
            if run.written and run.written.reading:
                readings[row.name] = run.written.reading
            if run.written and run.written.freedom and row.freedom:
                freedoms = (row.freedom, run.written.freedom)
                pair = ({row_name(row): {"freedom": vars(each)}} for each in freedoms)
                relative = RELATIVE_TOLERANCE if run.written.is_same else SAME_FREEDOM
                wrong += compared("", *pair, relative=relative).disagreements
                num_written, num_same = num_written + 1, num_same + run.written.is_same
        remark, covers = f"; {num_same} of these runs wrote the same texts again", ("entries.*.freedom",)
        yield VerificationCheck("entropies of choices", num_written, tuple(wrong), remark, covers)
        entries, unlikely = list[Partial](), list[Disagreement]()
        for entry in self.details.entries:
            found = readings.get(entry.name)
            entries.append(Partial(reading=comparable(entry.reading, found)) if found else Partial())
            if entry.name in settings:
                entries[-1]["settings"] = settings[entry.name]
            if found and entry.reading:
                unlikely += unlikely_tokens(f"{entry.name}, reading", entry.reading, found)
        read = Partial(entries=entries)
        decided_by = ["entries.*.reading.passages"] if readings else []
        check = compared(
            "values of passages read", self.details, read, decided_by=decided_by, absolute=SAME_BITS
        )
        disagreements = (*check.disagreements, *unlikely)
        yield replace(check.within(IN_DETAILS), disagreements=disagreements)


def _unmarked(sample: MarkedSample) -> Sample:
    return Sample(sample.prompt, sample.sampler, sample.seed, sample.text)


def comparable(saved: PassageReading | None, again: PassageReading) -> Partial:
    """Return what a run has read again that must be the same, and the likeliest tokens if all else is.

    Several may have the same probability, so that other ones are the likeliest on another machine.
    """
    left_out = ("alternatives", "per_mille")
    passages = [
        Partial({name: value for name, value in vars(each).items() if name not in left_out})
        for each in again.passages
    ]
    found = Partial(models=again.models, passages=passages)
    if saved and saved.passages == again.passages:
        found["tokens"] = again.tokens
    return found


def unlikely_tokens(name: str, saved: PassageReading, again: PassageReading) -> Iterator[Disagreement]:
    """Yield the saved alternatives that have another probability, or that are too unlikely to be shown."""
    for number, (one, other) in enumerate(zip(saved.passages, again.passages, strict=False), start=1):
        rows = zip(one.alternatives, one.per_mille, other.alternatives, other.per_mille, strict=False)
        for place, (tokens, shares, found, found_shares) in enumerate(rows, start=1):
            known: dict[str, list[int]] = {}  # several tokens may be spelled alike: a word, and a letter
            for token, share in zip(found, found_shares, strict=True):
                known.setdefault(again.tokens[token], []).append(share)
            for token, share in zip(tokens, shares, strict=True):
                spelled = saved.tokens[token] if token < len(saved.tokens) else "?"
                hidden = min(share, found_shares[-1])  # that is the most if not shown
                recomputed = min(known.get(spelled, [hidden]), key=lambda each: abs(each - share))
                if abs(recomputed - share) > SAME_PER_MILLE:
                    what = f"{name}, passages, {number}, {place}, per_mille"
                    yield Disagreement(what, f"{spelled!r} {share}", recomputed)
