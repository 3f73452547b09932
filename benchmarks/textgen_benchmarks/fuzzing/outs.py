"""Names for `--out`, any bytes and lengths: it is saved there, or nothing is trained."""

from __future__ import annotations

import os
import random
import re
import shutil

from textgen_benchmarks.fuzzing.child import forked, textgen
from textgen_benchmarks.fuzzing.kind import Case, Kind, names_below
from textgen_benchmarks.fuzzing.saved import SUITE, make_results
from textgen_kit.texts import NASTY, PROSE

FAST = ("--device", "cpu", "--precision", "fp32")
LSTM = "char-lstm:num_layers=1,hidden_size=8,batch_size=4,sequence_length=16,num_validations=2"
ODD = (
    "",
    ".",
    "..",
    "/",
    "//",
    "./",
    "../x",
    "./.",
    "a/..",
    "a/../b",
    "~",
    "~root",
    "$HOME",
    "-",
    "--",
    "-x",
    "CON",
    "nul.txt",
    "lock",
    "run.json",
    "x.partial",
    "x.partial.partial",
    ".x.textgen-host-1-0123abcd",
    "textgen",
    "runs",
    "x?y",
    "x?mode=memory",
    "x#y",
    "x%41",
    "x&y",
    "x;y",
    "sqlite:///x",
    "file:x",
    "http://x/y",
    "x\\y",
    "x:y",
    "[x]",
    "[red]x",
    "{x}",
    "x\ny",
    "x\r",
    "\x1b[5m",
    "\u202ex",
    "x\u0301",
    "é",
    "日本",
    "😀" * 60,
    " x ",
    "x.",
    "*",
    "'",
    '"',
    "file",
    "file/x",
    "empty",
    "link-empty",
    "link-file",
    "link-full",
    "dangling",
    "loop",
    "full",
    "fifo",
    "/dev/null",
    "/dev/full",
    "/dev/null/x",
    "/proc/self/x",
    "/sys/x",
    "/proc/1/root/x",
    "/etc/passwd/x",
    "ro/x",
    "deep/" * 60 + "x",
    "x/" * 1500,
    "a" * 4096,
    ".hidden",
    "..x",
    "...",
    "x.onnx",
    "x.json",
    "x.tokens.json",
    "latest",
    "loop/x",
    "link-empty/x",
    "dangling/x",
    "x/./y",
    "x//y",
)
"""Names of which some exist already."""


def out_name(chance: random.Random) -> str:
    """Return a name for a folder, as the command line would decode it."""
    kind = chance.randrange(10)
    if kind < 4:
        return chance.choice(ODD)
    if kind < 6:
        length = chance.choice((1, 2, 10, 100, 200, 215, 220, 229, 230, 240, 250, 254, 255, 256, 300))
        letter = chance.choice(("a", "é", "日", "😀", ".", " "))
        return (letter * length)[:length].encode()[:length].decode("utf-8", "surrogateescape")
    if kind < 8:
        data = bytes(chance.randrange(1, 256) for _ in range(chance.choice((1, 2, 5, 20, 100, 255, 300))))
        data = data if chance.random() < 0.3 else data.replace(b"/", b"_")
        return data.decode("utf-8", "surrogateescape")
    if kind == 8:
        return chance.choice(NASTY).replace("\0", "") or "x"
    return "/".join(chance.choice(ODD).replace("/", "") or "." for _ in range(chance.randint(2, 4)))


def arranged(case: Case) -> None:
    """Make what some of the names mean."""
    place = case.place
    (place / "text.txt").write_text(PROSE[:1500] * 2, "utf-8")
    (place / "suite.toml").write_text(SUITE, "utf-8")
    (place / "file").write_text("x")
    for name in ("empty", "full", "ro"):
        (place / name).mkdir()
    (place / "full/novel.txt").write_text("x")
    (place / "target").mkdir()
    for name, target in {
        "link-empty": "target",
        "link-file": "file",
        "link-full": "full",
        "dangling": "absent",
        "loop": "loop",
    }.items():
        (place / name).symlink_to(target)
    os.mkfifo(place / "fifo")


def named(case: Case) -> str | None:  # noqa: PLR0911 - one for each way to fail
    """Train, compare, search or export with a name for the result."""
    chance, place, out = case.chance, case.place / "here", out_name(case.chance)
    place.mkdir()
    arranged(Case(case.prepared, chance, place))
    text = ("--corpus", "text.txt", *FAST)
    quick = (
        ("train", "char-ngram", *text),
        ("train", LSTM, *text, "--budget", "1000chars"),
        ("onnx", str(case.prepared / "runs/0")),
    )
    slow = (
        ("bench", "char-ngram", "random", *text, "--length", "20"),
        ("suite", "suite.toml", *text),
        (
            "tune",
            LSTM,
            *text,
            "--budget",
            "500chars",
            "--trials",
            "1",
            "--seeds",
            "1",
            "--search",
            "learning_rate=1e-3..1e-2",
        ),
    )
    command = chance.choices(quick, (5, 3, 4))[0] if chance.random() < 0.95 else chance.choice(slow)
    before = names_below(place)
    done = forked(textgen([*command, "--out", out]), place)
    about = f"textgen {command[0]} --out {ascii(out)[:120]}: {done.code} {done.stderr[-250:]!a}"
    if problem := done.problem():
        return f"{problem[:60]}; {about}"
    if done.code and command[0] != "onnx" and re.search(r"^(trained|tested|training)", done.stderr, re.M):
        return f"not saved: refused after it was trained; {about}"
    if done.code and "cannot save in" in done.stderr:
        return f"not saved: refused after it was trained; {about}"
    left = sorted(set(names_below(place)) - set(before))
    if done.code and left:
        return f"left: {left[:3]!a}; {about}"
    if (place / "full/novel.txt").read_text() != "x" or (place / "file").read_text() != "x":
        return f"lost: a file that was there; {about}"
    if not done.code and command[0] == "train":
        again = forked(textgen(["describe", out]), place)
        if again.code and not out.startswith("-"):
            return f"lost: it cannot be found again: {again.stderr[-200:]!a}; {about}"
    shutil.rmtree(place, ignore_errors=True)
    return None


KINDS = (Kind("names for results", named, 700, make_results, seconds=90),)
