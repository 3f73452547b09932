"""The process of an entry, which gets the text that is scored once the entry is trained."""

from __future__ import annotations

from pathlib import Path

from helpers.commands import forget_plugin_files
from textgen.comparison.entry_job import EntryJob, only_score
from textgen.data.corpus import Corpus
from textgen.data.split import parse_split, split_text
from textgen.experiment.entry_parser import parse_entry
from textgen.experiment.entry_result import RunResult
from textgen.experiment.experiment import Experiment
from textgen.jobs.backends import LocalBackend
from textgen.jobs.runner import run_jobs
from textgen.registry.single_file import load_plugin_file
from textgen.runtime.device import choose_device
from textgen.training.budget import parse_budget

WORDS = ("Trained", "Validated", "Tested")
LOOKS = f"""
import gc
from pathlib import Path
from textgen_models.counting import NGram

class Looks(NGram):
    "Notes which parts of the text are in its process, while it is trained and later."
    def look(self):
        texts = [
            each for holder in gc.get_objects() for each in gc.get_referents(holder)
            if isinstance(each, (str, bytes)) and len(each) > 500
        ]
        whole = "".join(each if isinstance(each, str) else each.decode("latin-1") for each in texts)
        found = [word for word in {WORDS} if word + "\\n" in whole]
        with Path(__file__).with_name("found").open("a") as file:
            print(*found, file=file)
    def fit(self, ids):
        super().fit(ids)
        self.look()
    def forward(self, ids, state):
        if not hasattr(self, "has_looked") and ids.shape[1] == 1:
            self.has_looked = True
            self.look()
        return super().forward(ids, state)
"""


def test_a_model_finds_the_text_that_is_scored_only_when_it_is_trained(tmp_path: Path, news: str) -> None:
    (tmp_path / "looks.py").write_text(LOOKS)
    load_plugin_file(tmp_path / "looks.py")
    sizes, begin, parts = (8000, 1000, 1000), 0, list[str]()
    for size, word in zip(sizes, WORDS, strict=True):
        parts.append(
            f"{news[begin : begin + size // 2]} {word}\n\n{news[begin + size // 2 : begin + size]}\n\n"
        )
        begin += size
    text = "".join(parts)
    corpus = Corpus("news", "raw", text, split_text(text, parse_split("contiguous:80/10/10")))
    entry, config = parse_entry("char-looks"), choose_device("cpu", "fp32")
    experiment = Experiment(entry, corpus, parse_budget("2000chars"), config, 0)
    job = EntryJob(experiment, [tmp_path / "looks.py"], only_score)
    ((_, outcome),) = run_jobs([job], RunResult, LocalBackend())
    forget_plugin_files()
    assert outcome.result is not None, outcome.failure
    assert outcome.result.score_checks.num_chars == len(corpus.split.test)
    first, *_, last = (tmp_path / "found").read_text().splitlines()
    assert (first, last) == ("Trained Validated", " ".join(WORDS))
