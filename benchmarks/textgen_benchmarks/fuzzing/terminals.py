"""Terminals: names, texts and messages with steering characters, piped, on a terminal and as JSON."""

from __future__ import annotations

import hashlib
import json
import random
import shutil
from pathlib import Path
from typing import Any
from zipfile import ZipFile

from textgen.experiment.entry_result import Sample
from textgen.experiment.samples import keep_samples
from textgen.runtime.storage.files import write_digests
from textgen_benchmarks.fuzzing.child import OF_RICH, STEERING, forked, textgen
from textgen_benchmarks.fuzzing.kind import Case, Kind
from textgen_benchmarks.fuzzing.kind import textgen as must
from textgen_benchmarks.fuzzing.saved import make_results
from textgen_benchmarks.fuzzing.steering import PIECES, hostile, safe_json
from textgen_kit.texts import PROSE

PLUGIN = '''
import warnings
from textgen.contracts import TextgenWarning, TextgenError
bad = {bad}

class Owned:
    """{doc}"""
    def __init__(self, level: float = 1.0):
        self.level = level
        if {place} == 0: raise {error}(bad)
        if {place} == 1: warnings.warn(bad)
        if {place} == 2: warnings.warn(bad, TextgenWarning)
    def {method}(self, {arguments}):
        if {place} == 4: raise {error}(bad)
        if {place} == 5: warnings.warn(bad, TextgenWarning)
        {result}
if {place} == 6: raise {error}(bad)
if {place} == 7: Owned.__qualname__ = Owned.__name__ = bad
'''
KINDS_OF_PLUGIN = (
    (
        "__call__",
        "logits, uniforms",
        "return logits.argmax(-1)",
        ("sample", "RUN", "The", "--length", "5", "--sampler", "owned"),
    ),
    ("read", "options", "return bad * 300", ("corpus", "owned")),
    ("clean", "text", "return bad + text", ("corpus", "text.txt", "--clean", "owned")),
    (
        "clean",
        "text",
        "return bad + text",
        ("train", "char-ngram", "--corpus", "text.txt", "--clean", "owned", "--out", "out"),
    ),
)


def plugins(case: Case) -> tuple[str, ...]:
    """Make a plugin whose messages are hostile; return a command that uses it."""
    chance = case.chance
    method, given, result, command = chance.choice(KINDS_OF_PLUGIN)
    bad = hostile(chance)
    source = PLUGIN.format(
        bad=ascii(bad),
        doc=ascii(hostile(chance))[1:-1].replace('"', ""),
        place=chance.randrange(9),
        error=chance.choice(("ValueError", "TextgenError", "KeyError", "SystemExit", "OSError")),
        method=method,
        arguments=given,
        result=result,
    )
    (case.place / "plugin.py").write_text(source, "utf-8")
    more = chance.choice(((), ("plugins", "check"), ("plugins", "show", "owned"), ("plugins",)))
    return (*(more or command), "--plugin", "plugin.py")


def files(case: Case) -> tuple[str, ...]:  # noqa: PLR0911 - one for each kind
    """Make a file with hostile names or contents; return a command that reads it."""
    chance, place = case.chance, case.place
    kind = chance.randrange(8)
    name = (
        (hostile(chance, line=True).replace("/", "").replace("\0", "")[:60] or "x")
        .encode("utf-8", "replace")
        .decode()
    )
    if kind == 0:
        (place / f"{name}.txt").write_text(chance.choice(("", PROSE[:2000], "x")))
        return ("corpus", f"{name}.txt")
    if kind == 1:
        with ZipFile(place / "texts.zip", "w") as archive:
            archive.writestr(f"{name}.{chance.choice(('jsonl', 'txt', 'csv', 'html', 'exe'))}", PROSE[:500])
            archive.writestr(f"{name}2.txt", PROSE[:1500])
        return ("corpus", "texts.zip")
    if kind == 2:
        (place / "x.jsonl").write_text(
            "".join(json.dumps({hostile(chance): hostile(chance) * 30}) + "\n" for _ in range(4))
        )
        return ("corpus", chance.choice(("x.jsonl", f"x.jsonl:{name}")))
    if kind == 3:
        scored = {
            "target": "x",
            "filter": hostile(chance),
            "metrics": [bad := hostile(chance)],
            bad: 1.0,
            "doc_id": bad,
        }
        text = (json.dumps(scored) + "\n") * 2
        (place / f"samples_{name}_1.jsonl").write_text(
            text.replace("1.0", chance.choice(("1.0", '"x"', "null", "[1, 0]")))
        )
        return ("import-lm-eval", ".")
    if kind == 4:
        key = safe_json(hostile(chance))
        budget, entry = (chance.choice((key, f'"{each}"')) for each in ("1s", "random"))
        line = f"title = {key}\nbudget = {budget}\n[[questions]]\nname = {key}\ntext = {key}\n"
        cases = f"cases = [{{label = {key}, entry = {entry}, {key} = 1}}]\n"
        (place / "suite.toml").write_text((line + cases).encode("utf-8", "replace").decode(), "utf-8")
        return ("suite", "suite.toml", "--corpus", "text.txt")
    if kind == 5:
        (place / "x.csv").write_text(f"{name},b\n{name},{name}\n" * 20)
        return ("corpus", chance.choice(("x.csv", f"x.csv:{name}")))
    if kind == 6:
        (place / "x.html").write_text(
            f"<title>{name}</title><p>{hostile(chance).encode('utf-8', 'replace').decode()}</p>" * 30
        )
        return ("corpus", "x.html")
    return ("score", "RUN", f"{name}.txt")


def words(case: Case) -> tuple[str, ...]:
    """Return a command with hostile words."""
    chance = case.chance
    word = hostile(chance).replace("\0", "").encode("utf-8", "replace").decode()
    return chance.choice(
        (
            ("train", word, "--corpus", "text.txt"),
            ("train", "char-ngram", "--corpus", word),
            ("train", "char-ngram", "--corpus", "text.txt", "--clean", word),
            ("train", "char-ngram", "--corpus", "text.txt", "--split", word),
            ("sample", "RUN", word, "--length", "5"),
            ("sample", "RUN", "--sampler", word),
            ("sample", word),
            ("describe", word),
            ("runs", "show", word),
            ("plugins", "show", word),
            (word,),
            ("runs", "--root", word),
            (f"--{word}",),
            ("tune", "char-lstm", "--corpus", "text.txt", "--search", word),
            ("train", "char-ngram", "--corpus", "text.txt", "--device", word),
            ("runs", "remove", word, "--yes"),
            ("plugins", "new", word, "--kind", "model"),
            ("plugins", "new", "x", "--kind", word),
            ("train", "char-ngram", "--corpus", "text.txt", "--out", word[:40] or "x"),
        )
    )


def make_controlled(folder: Path) -> None:
    """Make a result of each kind, and a model that has read control characters and writes them."""
    make_results(folder)
    text = "".join(
        random.Random(0).choice(PIECES).replace("\ud800", "").replace("\udc9b", "") + "word "
        for _ in range(4000)
    )
    (folder / "controls.txt").write_text(text, "utf-8")
    place = ("--corpus", str(folder / "controls.txt"), "--clean", "raw", "--device", "cpu")
    must("train", "char-ngram", *place, "--out", str(folder / "controlled"))


def poisoned(values: Any, chance: random.Random) -> Any:
    """Return JSON values of which some strings are hostile."""
    if isinstance(values, str):
        return values + hostile(chance) if chance.random() < 0.1 else values
    if isinstance(values, dict):
        return {key: poisoned(value, chance) for key, value in values.items()}
    return [poisoned(value, chance) for value in values] if isinstance(values, list) else values


def results(case: Case) -> tuple[str, ...]:
    """Make a result with hostile strings; return a command that shows it."""
    chance = case.chance
    name, file = chance.choice(
        (("runs/0", "run.json"), ("bench", "bench.json"), ("suite", "suite.json"), ("tune", "study.json"))
    )
    copy = Path(shutil.copytree(case.prepared / name, case.place / "copy"))
    path = copy / file
    values = json.loads(path.read_bytes())
    sealed = values.pop("sha256", None) is not None
    record = json.dumps(poisoned(values, chance)).encode("utf-8", "surrogatepass")
    if sealed:
        record = b'{\n  "sha256": "%s",%s' % (hashlib.sha256(record).hexdigest().encode(), record[1:])
    path.write_bytes(record)
    if name == "runs/0":
        write_digests(copy)
        if chance.random() < 0.5:
            prompt, sampler, text = (hostile(chance).encode("utf-8", "replace").decode() for _ in range(3))
            keep_samples(copy, [Sample(prompt, sampler, 0, text)])
    return chance.choice(
        (
            ("runs", "--root", "."),
            ("runs", "--root", ".", "show", "copy"),
            ("report", "copy"),
            ("verify", "copy"),
            ("describe", "copy"),
            ("sample", "copy", "The", "--length", "5"),
            ("runs", "show", "copy", "--full"),
            ("runs", "compare", "copy", str(case.prepared / "runs/1")),
        )
    )


def models(case: Case) -> tuple[str, ...]:
    """Let a model that has read control characters write some, or score some."""
    chance = case.chance
    run = str(case.prepared / "controlled")
    prompt = hostile(chance).replace("\0", "").encode("utf-8", "replace").decode()
    (case.place / "bad.txt").write_text((prompt + " word ") * 30, "utf-8")
    return chance.choice(
        (
            ("sample", run, "word", "--length", "200", "--seed", str(chance.randrange(999))),
            ("sample", run, prompt or "x", "--length", "60", "--number", "2"),
            ("score", run, "bad.txt"),
            ("describe", run),
            ("corpus", "bad.txt", "--clean", "raw"),
            ("runs", "show", run),
        )
    )


MAKERS = (plugins, files, words, results, models)


def shown(case: Case) -> str | None:
    """Run a command, piped, on a terminal or with --json; the terminal is not steered."""
    chance, place = case.chance, case.place
    (place / "text.txt").write_text(PROSE[:3000], "utf-8")
    command = [
        str(case.prepared / "runs/0") if word == "RUN" else word for word in chance.choice(MAKERS)(case)
    ]
    on_terminal = chance.random() < 0.4
    as_json = not on_terminal and chance.random() < 0.4
    command += ["--json"] if as_json else []
    done = forked(
        textgen(command),
        place,
        on_terminal=on_terminal,
        environment={"TERM": "xterm-256color"} if on_terminal else {},
    )
    about = f"{'on a terminal: ' if on_terminal else ''}textgen {ascii(command)[:300]}"
    text = done.stdout + done.stderr
    if on_terminal:
        text = OF_RICH.sub("", text)
    if found := STEERING.findall(text):
        at = STEERING.search(text).start()  # type: ignore[union-attr]
        return f"steered: {sorted(set(found))!a} in {text[max(0, at - 60) : at + 40]!a}; {about}"
    is_check = command[:2] == ["plugins", "check"]  # which exits with 1 where a check fails
    if not on_terminal and not (is_check and done.code == 1) and (problem := done.problem()):
        return f"{problem}; {about}"
    if on_terminal and (done.code not in (0, 1, 2) or "Traceback (most" in text):
        return f"traceback: {done.code} {text[-300:]!a}; {about}"
    if as_json and not done.code:
        try:
            json.loads(done.stdout)
        except ValueError:
            return f"spoilt JSON: {done.stdout[:200]!a}; {about}"
    return None


KINDS = (Kind("terminals", shown, 800, make_controlled, seconds=90),)
