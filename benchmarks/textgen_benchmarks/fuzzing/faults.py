"""Faults of plugins, at import and in methods: exits, threads, handlers, what C prints."""

from __future__ import annotations

import json

from textgen_benchmarks.fuzzing.child import forked, textgen
from textgen_benchmarks.fuzzing.kind import Case, Kind
from textgen_benchmarks.fuzzing.saved import make_runs
from textgen_kit.texts import PROSE

FAULTS = (
    "sys.exit(3)",
    "os._exit(0)",
    "os._exit(3)",
    "raise KeyboardInterrupt",
    "raise SystemExit('bye')",
    "raise MemoryError",
    "raise GeneratorExit",
    "raise StopIteration",
    "raise RecursionError('x' * 9000)",
    "raise BaseException('x')",
    "raise ValueError(b'\\xff')",
    "raise type('E', (Exception,), {'__str__': lambda self: 1 / 0})()",
    "raise type('E', (Exception,), {'__str__': lambda self: None})()",
    "raise ExceptionGroup('g', [ValueError('x')])",
    "threading.Thread(target=time.sleep, args=(600,)).start()",
    "atexit.register(time.sleep, 600)",
    "atexit.register(lambda: 1 / 0)",
    "atexit.register(os._exit, 7)",
    "threading.Thread(target=lambda: 1 / 0).start()",
    "ctypes.CDLL(None).puts(b'noise')",
    "ctypes.CDLL(None).printf(b'noise')",
    "os.write(1, b'noise')",
    "os.write(2, b'noise\\n')",
    "print('noise')",
    "print('noise', flush=True, file=sys.__stdout__)",
    "os.system('echo noise')",
    "sys.stdout = None",
    "sys.stderr = None",
    "sys.stdout.close()",
    "sys.stderr.close()",
    "os.close(0)",
    "os.close(2)",
    "os.closerange(3, 50)",
    "os.chdir('/')",
    "os.environ.clear()",
    "os.umask(0o777)",
    "signal.signal(signal.SIGTERM, signal.SIG_IGN)",
    "sys.path.clear()",
    "sys.modules.pop('json')",
    "gc.disable()",
    "locale.setlocale(locale.LC_ALL, 'C')",
    "random.seed(0); torch.manual_seed(0)",
    "torch.set_default_dtype(torch.float64)",
    "sys.setrecursionlimit(80)",
    "sys.settrace(lambda *_: None)",
    "warnings.simplefilter('error')",
    "warnings.warn('x' * 5000)",
    "os.abort()",
    "ctypes.string_at(0)",
    "os.kill(os.getpid(), 9)",
    "os.kill(os.getpid(), 15)",
    "os.kill(os.getpid(), 2)",
    "subprocess.Popen(['sleep', '600'])",
    "multiprocessing.Process(target=time.sleep, args=(600,), daemon=True).start()",
    "os.fork() or os._exit(0)",
    "del self",
    "1 / 0",
    "return None",
    "return 1",
    "return ''",
    "return self",
    "return [None]",
    "return float('nan')",
    "yield 1",
    "import absent",
    "self.x = lambda: 0",
)
"""Statements; those that end the process are the plugin's own doing, but must not look like success."""
PLUGIN = """
import atexit, ctypes, gc, locale, multiprocessing, os, random, signal
import subprocess, sys, threading, time, warnings
import torch
def fault(self):
    {fault}
class {name}:
    \"\"\"A plugin with a fault.\"\"\"
    def __init__(self, level: float = 1.0):
        if {place} == 1:
            {inside}
    def {method}(self, {given}):
        if {place} == 2:
            {inside}
        {result}
if {place} == 3:
    {at_import}
"""
ROLES = {
    "sampler": (
        "__call__",
        "logits, uniforms",
        "return logits.argmax(-1)",
        ("sample", "RUN", "The", "--length", "5", "--sampler", "owned"),
    ),
    "corpus": ("read", "options", "return 'A cat sat on the mat. ' * 300", ("corpus", "owned")),
    "cleaner": (
        "clean",
        "text",
        "return text",
        ("train", "char-ngram", "--corpus", "text.txt", "--clean", "owned", "--out", "out"),
    ),
    "cleaner of a text": ("clean", "text", "return text", ("corpus", "text.txt", "--clean", "owned")),
    "list": ("clean", "text", "return text", ("plugins",)),
}
ENDS = ("exit", "abort", "string_at", "kill", "KeyboardInterrupt", "SystemExit")
"""What ends the process: a command may end so, if not with success and nothing on stdout."""


def fault(case: Case) -> str | None:
    """Run a command with a faulty plugin: a result, or one line; JSON is JSON; it ends."""
    chance, place = case.chance, case.place
    (place / "text.txt").write_text(PROSE[:3000], "utf-8")
    role = chance.choice(sorted(ROLES))
    method, given, result, command = ROLES[role]
    code, where = chance.choice(FAULTS), chance.choice((1, 2, 3))
    at_import = code if not code.startswith(("return", "yield", "del", "self")) else "pass"
    source = PLUGIN.format(
        fault="pass",
        name="Owned",
        place=where,
        inside=code,
        method=method,
        given=given,
        result=result,
        at_import=at_import,
    )
    (place / "plugin.py").write_text(source, "utf-8")
    as_json = chance.random() < 0.6
    words = [str(case.prepared / "0") if word == "RUN" else word for word in command]
    words += ["--plugin", "plugin.py", *(["--json"] if as_json else [])]
    done = forked(textgen(words, ends=True), place, seconds=60)
    about = f"{code!r} at {where} in {role}{' with --json' if as_json else ''}"
    about += f": {done.code} {done.stderr[-300:]!r}"
    if done.code is None:
        return f"slow: it does not end: {about}"
    if done.code == 0:
        if as_json:
            try:
                json.loads(done.stdout)
            except ValueError:
                return f"spoilt JSON: {done.stdout[:200]!r}; {about}"
        return None
    if any(end in code for end in ENDS):
        return None
    return (problem := done.problem()) and f"{problem[:50]}; {about}"


KINDS = (Kind("faults of plugins", fault, 400, make_runs, seconds=90),)
