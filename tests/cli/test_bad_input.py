"""Bad input: one line that helps, an exit code, and nothing written."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from helpers.commands import TINY, Done, cases, notes, run_process, run_textgen
from helpers.runs import make_run
from textgen.experiment.saved_run import write_run

FAILURES = """
train TINY --corpus missing.txt
    no such file: missing.txt; give a path, - for standard input, or a corpus: …
train TINY --corpus blank.txt
    blank.txt contains only white space; give a text
train TINY --corpus short.txt
    the text is too short to split 90/5/5: … characters; give at least 400, or change --split
train TINY --corpus GOOD --max-chars 0
    cannot cut the corpus to 0 characters; give 1 to 1,000,000,000,000,000
train TINY --corpus markup.txt
    nothing is left of markup.txt after the cleaner 'prose'; try --clean raw
train TINY --corpus latin.txt --encoding utf-8
    latin.txt is not utf-8: byte 0xE9 at offset 24; give its encoding, for example --encoding latin-1 …
train TINY --corpus GOOD --clean porse
    unknown cleaner 'porse'; did you mean 'prose'? known: letters, prose, raw
train TINY --corpus GOOD --split 50/50/50
    invalid split '50/50/50'; give percentages of train, validation and test such as 90/5/5, or 90/10 …
train TINY --corpus GOOD --split 95/5/0
    the split 95/5/0 has no test part; add one, as in 90/5/5, or score a sealed text

train randm
    unknown entry 'randm'; did you mean 'random'? known: original, random; or write …
train char-lstn
    entry 'char-lstn': unknown model 'lstn'; did you mean 'lstm'? known: gru, hier, lstm, …, words
train word-lstm-glove-word2vec
    entry 'word-lstm-glove-word2vec' has too many parts; write <tokenizer>-<model>[+<model>…][-<embedding>]
train char-ngram:batch_size=9
    entry 'char-ngram:batch_size=9': batch_size has no effect on the model 'ngram', which is not trained …
train char-uniform-glove
    entry 'char-uniform-glove': model 'uniform' takes no embedding; leave it out
train char-decay
    entry 'char-decay': unknown model 'decay'; known: gru, …, words; for one in a file, add --plugin FILE
train char-lstm:hiden_size=3
    entry 'char-lstm:hiden_size=3': unknown option 'hiden_size'; did you mean 'hidden_size'? known: …
bench random --sampler top-q
    unknown sampler 'top-q'; did you mean 'top-p'? known: greedy, min-p, …
suite improvments
    unknown suite 'improvments'; did you mean 'improvements'? known: …; or give a TOML file

train TINY --device gpu
    unknown device 'gpu'; known: auto, cpu, cuda, mps, cuda:1
train TINY --precision fp8
    unknown precision 'fp8'; known: auto, fp32, bf16, fp16
train TINY --budget 60
    budget '60': give a positive amount with a unit, such as 60s, 5m, 5epochs or 20Mchars
train char-lstm --budget 15s,1m
    budget '15s,1m': only bench and suite take several; give one, such as 60s

train TINY --out file
    'file' already exists; choose another folder (--out)
bench TINY --out file
    cannot write to folder 'file': File exists; choose another folder (--out)
train TINY --out .
    '.' is the current folder; give a new one for the run (--out)

tune random
    'random' has no options left to search…
tune char-lstm --timeout 5epochs
    --timeout '5epochs': give a time…
bench TINY --sealed missing.txt
    no such file: missing.txt

sample file
    no run in 'file'; textgen runs lists those under 'runs'
runs show nowhere
    no result 'nowhere'; textgen runs lists those under 'runs'
runs --root nowhere
    no such folder: 'nowhere'; give another one with --root
sample cut-weights
    run 'cut-weights' is damaged, or from another version of textgen (…); train it again
"""

# Typer words the errors of the command line itself, except for options that have no effect.
USAGE_ERRORS = """
corpus --clean raw
    --clean has no effect on the list of corpora; leave it out
corpus good.txt --diff --split 90/10
    --split has no effect with --diff; leave it out
train random
    --budget has no effect on the model 'uniform', which is not trained by gradient descent; leave it out
describe run --corpus lee
    --corpus has no effect on 'run', a run with its own vocabulary; leave it out
suite original --gpus-per-run 0.5
    --gpus-per-run has no effect without --on; leave it out
suite original --on ray --jobs 2
    --jobs has no effect with --on, which trains as many runs at a time as fit; leave it out
suite budgets.toml --budget 10s
    --budget has no effect on 'budgets.toml', in which every case has its own budget; leave it out
plugins --json show lstm
    --json has no effect before 'show'; put it after 'show'
sample uniform --precision bf16
    precision bf16 has no effect on 'uniform', which generates in fp32; leave it out
bench TINY --sealed good.txt --split 80/10/10
    a sealed text replaces the test part; split off none, as with 95/5/0

bench TINY --out=
    --out is empty; give a folder, or leave it out
score
    Missing argument '…' (see textgen score --help)
bench random --sampler greedy --temperature 0.5
    give --sampler or --temperature, not both; …
sample RUN The
    Got unexpected extra argument(s) (The) (see textgen sample --help)
sample RUN --new
    --unique and --new need --until line, sentence or paragraph
bnech
    No such command 'bnech'. …bench… (see textgen --help)
bench TINY --corpsu GOOD
    No such option: --corpsu …--corpus…
sample RUN --seed 4294967296
    Invalid value for '--seed': … (see textgen … --help)
"""

TEXTS = {
    "good.txt": "".join(f"Fox number {i} jumps over {7 * i} lazy dogs.\n\n" for i in range(80)).encode(),
    "blank.txt": b" \n\n\t ",
    "short.txt": b"too short " * 20,
    "markup.txt": b"<p> </p>\n\n[Illustration]",
    "latin.txt": "A long text from the café. ".encode("latin-1") * 50,
    "file": b"here first",
    "budgets.toml": b"""
title = "Each case has a budget"
budget = "9s"
[[questions]]
name = "size"
text = "Which size?"
cases = [{ label = "small", entry = "char-lstm", budget = "1s" }]
""",
}


@pytest.fixture(scope="module")
def workplace(trained: tuple[Path, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with good and bad texts, and runs, of which one is damaged."""
    folder = tmp_path_factory.mktemp("workplace")
    for name, data in TEXTS.items():
        (folder / name).write_bytes(data)
    for name in ("run", "cut-weights"):
        shutil.copytree(trained[0], folder / name)
    write_run(folder / "uniform", make_run("char-uniform").files)
    weights = folder / "cut-weights" / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-50])
    return folder


def arguments(command: str) -> list[str]:
    """Fill in what the tables abbreviate; training gets a text, a small budget and a place for its run."""
    short = {"TINY": TINY, "GOOD": "good.txt", "RUN": "run"}
    words = [short.get(word, word) for word in command.split()]
    if words[0] in ("train", "bench") and len(words) > 1:
        for option, value in (("--corpus", "good.txt"), ("--budget", "500chars"), ("--out", "out")):
            if option not in words:
                words[2:2] = [option, value]
    return words


def check(done: Done, message: str) -> None:
    """Besides progress there is one line, the last one, and it says `message`."""
    (line,) = notes(done)
    assert done.stderr.splitlines()[-1] == line
    assert re.fullmatch("error: " + re.escape(message).replace("…", ".+"), line), line
    assert done.stdout == ""


@pytest.mark.parametrize(("command", "message", "code"), [*cases(FAILURES, 1), *cases(USAGE_ERRORS, 2)])
def test_bad_input_gets_one_helpful_line(
    *, command: str, message: str, code: int, workplace: Path, snapshot: Callable[[Path], object]
) -> None:
    before = snapshot(workplace)
    check(run_textgen(*arguments(command), code=code, cwd=workplace), message)
    assert snapshot(workplace) == before


def test_a_separate_process_prints_the_same_line(workplace: Path) -> None:
    done = run_process(*arguments("bench TINY --corpus latin.txt:body"), code=1, cwd=workplace)
    check(done, "latin.txt has no fields, so no 'body'; …")


@pytest.mark.parametrize(
    "command", [["train", "x" * 3000], ["train", "char-lstm", "--budget", "9" * 3000 + "s"]]
)
def test_a_long_name_or_value_is_shortened(command: list[str], tmp_path: Path) -> None:
    (line,) = notes(run_textgen(*command, code=1, cwd=tmp_path))
    assert line.startswith("error: ")
    assert len(line) < 720
