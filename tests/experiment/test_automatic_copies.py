"""An entry that does not say how many copies of its models it has gets as many as the budget has use for."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from textgen.data.corpus import Corpus
from textgen.data.split import parse_split, split_text
from textgen.experiment.entry_parser import parse_entry
from textgen.experiment.experiment import Experiment
from textgen.experiment.run_lock import locked_run
from textgen.experiment.saved_run import load_run, save_run
from textgen.runtime.device import DeviceConfig
from textgen.training import mixture_training
from textgen.training.budget import parse_budget
from textgen.training.checkpoints import INTERVAL
from textgen.training.mixture_training import num_useful_copies
from textgen.training.progress import Step

SMALL = "num_layers=1,hidden_size=16,batch_size=8,sequence_length=16"


@pytest.fixture(scope="module")
def corpus(news: str) -> Corpus:
    return Corpus("news", "raw", news[:10_000], split_text(news[:10_000], parse_split("80/10/10")))


def experiment(entry: str, corpus: Corpus, budget: str, **options: bool) -> Experiment:
    config = DeviceConfig(torch.device("cpu"), "fp32")
    return Experiment(parse_entry(entry), corpus, parse_budget(budget), config, 0, **options)


@pytest.fixture
def little_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let two epochs be enough for a model."""
    monkeypatch.setattr(mixture_training, "EXPOSURE_OF_ONE", 1.0)
    monkeypatch.setattr(mixture_training, "ENOUGH_UPDATES", 20)


USEFUL = [
    *((5, 7.5, 700, 1), (20, 7.5, 2800, 3), (20, 7.5, 500, 2)),
    *((39, 0.5, 9000, 1), (41, 0.5, 9000, 2), (91, 0.5, 9000, 3), (1e6, 9, 1e9, 8)),
]


@pytest.mark.parametrize(("epochs", "per_token", "updates", "expected"), USEFUL)
def test_a_second_copy_is_worth_it_once_one_has_learned_most(
    epochs: float, per_token: float, updates: float, expected: int
) -> None:
    assert num_useful_copies(epochs, per_token, updates) == expected


@pytest.mark.usefixtures("little_is_enough")
def test_an_entry_gets_the_copies_that_its_budget_has_use_for(corpus: Corpus, tmp_path: Path) -> None:
    assert experiment(f"char-lstm:{SMALL}", corpus, "3epochs").run().result.num_copies == 1
    automatic = experiment(f"char-lstm:{SMALL}", corpus, "5epochs").run()
    assert (automatic.result.num_copies, automatic.entry.num_copies) == (2, 2)
    said = experiment(f"2*char-lstm:{SMALL}", corpus, "5epochs").run()
    assert said.result.test == automatic.result.test
    save_run(tmp_path / "run", automatic)
    loaded = load_run(tmp_path / "run", "cpu")
    assert loaded.entry == automatic.entry


@pytest.mark.usefixtures("little_is_enough")
def test_an_entry_that_says_one_or_a_trial_of_a_study_has_one(corpus: Corpus) -> None:
    assert experiment(f"1*char-lstm:{SMALL}", corpus, "5epochs").run().result.num_copies == 1
    trial = experiment(f"char-lstm:{SMALL}", corpus, "5epochs", chooses_copies=False)
    assert trial.run().result.num_copies == 1


@pytest.mark.parametrize("number", [1, 2])
def test_a_run_that_is_resumed_has_the_number_with_which_it_began(
    number: int, corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    little = {"MIN_SECONDS": 0.1, "MOST_COPIES": number, "EXPOSURE_OF_ONE": 1e-3, "ENOUGH_UPDATES": 1}
    for name, value in little.items():
        monkeypatch.setattr(mixture_training, name, value)
    monkeypatch.setenv(INTERVAL, "0")
    timed = experiment(f"char-lstm:{SMALL}", corpus, "2s")

    def interrupt(step: Step) -> None:
        if step.progress and step.progress.num_updates > 2:
            raise KeyboardInterrupt

    with locked_run(tmp_path / "run") as checkpoints, pytest.raises(KeyboardInterrupt):
        timed.run(interrupt, checkpoints)
    monkeypatch.setenv(INTERVAL, "1000")
    monkeypatch.setattr(
        mixture_training, "MOST_COPIES", 3 - number
    )  # the other number, if it were chosen again
    assert timed.run(checkpoints=checkpoints).result.num_copies == number
