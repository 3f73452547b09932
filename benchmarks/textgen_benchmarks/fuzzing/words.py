"""Odd words: entries, samplers, budgets, splits, searches and numbers, by a grammar and beyond it."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from textgen.registry.options import declared_options
from textgen.registry.registry import load, names
from textgen.training.train_options import TrainOptions
from textgen_kit.texts import NASTY

NUMBERS = (
    "0", "1", "2", "3", "-1", "7", "8", "16", "64", "100", "1000", "65536", "1000000", "100000000",
    "2147483648", "9223372036854775808", "1" * 400, "0.5", "0.001", "0.1", "1.0", "1e-3", "1e30", "1e300",
    "1e308", "1e309", "-1e308", "5e-324", "1e-400", "inf", "-inf", "nan", "NaN", "1_000", "0x10", "١٢", "1/2",
    "1,5", "", " ", "none", "None", "true", "false", "yes", "x", "''", "[1]", "{}", "1e", "+1", "--1", "1 2",
)  # fmt: skip
"""Values that a careless or hostile hand may give to an option."""
UNITS = (
    "", "s", "m", "min", "h", "d", "epochs", "epoch", "chars", "kchars", "Mchars", "Gchars", "S", "tokens",
)  # fmt: skip
JUNK = (
    ":",
    ",",
    "=",
    "-",
    "+",
    "/",
    ".",
    "..",
    " ",
    "\n",
    "\t",
    "\0",
    "%s",
    "{}",
    "'",
    '"',
    "\\",
    "*",
    "~",
    "$H",
)


def pick(chance: random.Random, words: Sequence[str]) -> str:
    """Return one of the words, rarely another string."""
    if chance.random() < 0.03:
        return chance.choice(NASTY)
    if chance.random() < 0.02:
        return chance.choice(("x" * 5000, "a-" * 2000, "1" * 5000, "é" * 300))
    return chance.choice(words)


def number(chance: random.Random) -> str:
    """Return a number as a person may write it, or something like one."""
    if chance.random() < 0.5:
        return pick(chance, NUMBERS)
    plain = (chance.randint(0, 100), f"{chance.random():.3g}", f"1e{chance.randint(-9, 20)}")
    return str(chance.choice(plain))


def options(chance: random.Random, components: Sequence[Any]) -> str:
    """Return options of components with odd values, after a colon; often none."""
    if chance.random() < 0.15:
        return ""
    known = [name for component in components for name in declared_options(component)]
    literals = ["muon", "adamw", "adam", "sgd", "adaptive", "full", "lstm", "relu", "mean", "uniform"]
    given = []
    for _ in range(chance.choice((0, 1, 1, 1, 2, 2, 3, 5))):
        name = pick(chance, known or ["x"])
        value = number(chance) if chance.random() < 0.85 else pick(chance, literals)
        odd = (name, f"{name}=", f"={value}", f"{name}=={value}")
        given.append(chance.choice((f"{name}={value}",) * 8 + odd))
    return ":" + ",".join(given)


def spoilt(text: str, chance: random.Random) -> str:
    """Return a word with a mistake, in one of several cases."""
    if chance.random() < 0.8 or not text:
        return text
    place = chance.randrange(len(text) + 1)
    with_junk = text[:place] + pick(chance, JUNK) + text[place:]
    others = (text[:place], text.upper(), text + text, f" {text} ", text[::-1])
    return chance.choice((with_junk, text[:place] + text[place + 1 :], *others))


def entry(chance: random.Random) -> str:
    """Return an entry such as `word-lstm+ngram-glove:hidden_size=1e9`, with or without mistakes."""
    tokenizer = pick(chance, names("tokenizer"))
    models = [pick(chance, names("model")) for _ in range(chance.choice((1, 1, 1, 1, 2, 3)))]
    parts = [tokenizer, "+".join(models)]
    if chance.random() < 0.1:
        parts.append(pick(chance, ["word2vec", "nothing"]))  # the others are large
    if chance.random() < 0.05:
        parts = [pick(chance, names("alias"))]
    if chance.random() < 0.05:
        parts = parts[: chance.randint(0, 3)] + [pick(chance, names("model"))] * chance.randint(0, 3)
    components = [TrainOptions, *(load("model", name) for name in models if name in names("model"))]
    if tokenizer in names("tokenizer"):
        components.append(load("tokenizer", tokenizer))
    return spoilt("-".join(parts) + options(chance, components), chance)


def sampler(chance: random.Random) -> str:
    """Return a sampler such as `top-p:p=nan`."""
    name = pick(chance, names("sampler"))
    components = [load("sampler", name)] if name in names("sampler") else []
    return spoilt(name + options(chance, components), chance)


def budget(chance: random.Random) -> str:
    """Return a budget such as `1e9h`."""
    return spoilt(number(chance) + pick(chance, UNITS), chance)


def split(chance: random.Random) -> str:
    """Return a split such as `contiguous:90/5/nan`."""
    shares = "/".join(number(chance) for _ in range(chance.choice((1, 2, 3, 3, 3, 4))))
    return spoilt(chance.choice(("", "", "contiguous:", "stretches:", "x:")) + shares, chance)


def search(chance: random.Random) -> str:
    """Return what `tune --search` takes, such as `learning_rate=1e-3..1e300`."""
    known = list(declared_options(TrainOptions))
    items = []
    for _ in range(chance.choice((1, 1, 2, 3))):
        values = chance.choice(("..", "|", ",")).join(number(chance) for _ in range(chance.randint(1, 4)))
        items.append(f"{pick(chance, known)}={values}")
    return spoilt(",".join(items), chance)
