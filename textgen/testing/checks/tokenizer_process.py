"""Check that a tokenizer learns the same in another process, where sets have another order."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from typing import Any

from textgen.registry.registry import plugin_files
from textgen.testing import fit_elsewhere
from textgen.testing.asserts import CheckError, CheckSkipped, require, shown
from textgen.testing.builders import fitted
from textgen.testing.checks.tokenizer import PROBES, require_equal, to_json
from textgen.testing.runner import check
from textgen.testing.texts import PROSE

__tracebackhide__ = True

WHERE = "in another process, where sets of strings have another order"


@check("tokenizer")
def check_tokenizer_other_process(component: Any, /, **options: Any) -> None:
    """Another process learns the same vocabulary and encodes the same ids.

    The order of a set of strings varies from process to process; a model saved by one would read other
    tokens in the next.
    """
    tokenizer = fitted(component, PROSE, **options)
    tokens, state = list(tokenizer.tokens), to_json(tokenizer)
    found = learnt_elsewhere(component, options)
    require_equal(tokens, found["tokens"], f"the same tokens {WHERE}")
    require(state == found["state"], f"expected the same state() {WHERE}; they differ")
    for probe, ids in zip(PROBES, found["ids"], strict=True):
        own = [int(token) for token in tokenizer.encode(probe)]
        require_equal(own, ids, f"the same ids of {shown(probe, 30)} {WHERE}")


def learnt_elsewhere(component: Any, options: dict[str, Any]) -> dict[str, Any]:
    """Return what a tokenizer learns in a process with another order of sets.

    Raises `CheckSkipped` if the component cannot be loaded there, `CheckError` if it fails there.
    """
    module = component.__module__
    if module == "__main__":
        raise CheckSkipped("is defined in the program that runs, which another process cannot import")
    source = getattr(sys.modules.get(module), "__file__", None)
    try:
        request = {
            "path": sys.path,
            "plugin_file": next((path for path in plugin_files() if str(path) == source), None),
            "component": pickle.dumps((component, options)),
            "text": PROSE,
            "probes": PROBES,
        }
    except Exception as error:
        raise CheckSkipped(f"cannot be sent to another process: {error}") from error
    hash_seed = "2" if os.environ.get("PYTHONHASHSEED") == "1" else "1"
    done = subprocess.run(
        [sys.executable, str(fit_elsewhere.__file__)],
        input=pickle.dumps(request),
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        check=False,
    )
    if done.returncode or not done.stdout:
        last = done.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2]
        raise CheckError(f"expected a tokenizer that can be fitted {WHERE}; it failed: {last}")
    found: dict[str, Any] = json.loads(done.stdout)
    if "unloadable" in found:
        raise CheckSkipped(f"cannot be loaded in another process: {found['unloadable']}")
    return found
