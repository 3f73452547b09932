"""Check that a tokenizer learns the same in another process, where sets have another order."""

from __future__ import annotations

import inspect
import json
import os
import pickle
import subprocess
import sys
from typing import Any

from textgen.registry.registry import plugin_files
from textgen.testing.asserts import CheckError, CheckSkipped, expect, reworded, shown, skip_unless
from textgen.testing.builders import Subject
from textgen.testing.checks.tokenizer import PROBES, require_equal, saved_state
from textgen.testing.texts import PROSE

WHERE = "in another process, where sets of strings have another order"


def check_tokenizer_other_process(subject: Subject) -> None:
    """Another process learns the same vocabulary and encodes the same ids.

    The order of a set of strings varies from process to process; a model saved by one would read other
    tokens in the next.
    """
    tokenizer = subject.fitted(PROSE)
    tokens, state = list(tokenizer.tokens), saved_state(tokenizer)
    learnt = learnt_elsewhere(subject)
    require_equal(tokens, learnt["tokens"], f"the same tokens {WHERE}")
    expect(state == learnt["state"], f"the same state() {WHERE}; they differ")
    for probe, ids in zip(PROBES, learnt["ids"], strict=True):
        ids_here = [int(token) for token in tokenizer.encode(probe)]
        require_equal(ids_here, ids, f"the same ids of {shown(probe, 30)} {WHERE}")


def learnt_elsewhere(subject: Subject) -> dict[str, Any]:
    """Return what `fit_elsewhere` prints in a process with another order of sets.

    Raises `CheckSkipped` if the component cannot be loaded there, `CheckError` if it fails there.
    """
    module = subject.component.__module__
    is_found = module != "__main__"
    skip_unless(is_found, "is defined in the program that runs, which another process cannot import")
    source = getattr(sys.modules.get(module), "__file__", None)
    plugin_file = next((path for path in plugin_files() if str(path) == source), None)
    with reworded("cannot be sent to another process:", Exception, CheckSkipped):
        component = pickle.dumps((subject.component, subject.options))
    hash_seed = "2" if os.environ.get("PYTHONHASHSEED") == "1" else "1"
    done = subprocess.run(
        [sys.executable, "-P", "-c", f"{inspect.getsource(fit_elsewhere)}\n{fit_elsewhere.__name__}()"],
        input=pickle.dumps((sys.path, plugin_file, component, PROSE, PROBES)),
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        check=False,
    )
    if done.returncode or not done.stdout:
        last = done.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2]
        raise CheckError(f"expected a tokenizer that can be fitted {WHERE}; it failed: {last}")
    learnt: dict[str, Any] = json.loads(done.stdout)
    reason = learnt.get("unloadable")
    skip_unless(reason is None, f"cannot be loaded in another process: {reason}")
    return learnt


def fit_elsewhere() -> None:
    """Fit a tokenizer, and print its tokens, state and ids of texts, or why it cannot be loaded, as JSON.

    The other process runs the source of this function, since importing this module takes seconds.
    """
    import json
    import pickle
    import sys

    path, plugin_file, sent, text, probes = pickle.load(sys.stdin.buffer)
    sys.path[:] = path
    stdout, sys.stdout = sys.stdout, sys.stderr  # for components that print
    try:
        if plugin_file is not None:
            from textgen.registry.single_file import load_plugin_file

            load_plugin_file(plugin_file)
        component, options = pickle.loads(sent)
    except Exception as error:
        json.dump({"unloadable": f"{type(error).__name__}: {error}"}, stdout)
        return
    tokenizer = component(**options)
    tokenizer.fit(text)
    ids = [[int(token) for token in tokenizer.encode(probe)] for probe in probes]
    json.dump({"tokens": list(tokenizer.tokens), "state": json.dumps(tokenizer.state()), "ids": ids}, stdout)
