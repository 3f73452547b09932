"""Fit a tokenizer in a process of its own, and print what it learnt as JSON.

It is run as a script, since importing it as a module would import the whole kit, which takes seconds.
"""

from __future__ import annotations

import json
import pickle
import sys
from contextlib import redirect_stdout
from typing import Any


def learnt(request: dict[str, Any]) -> dict[str, Any]:
    """Return the tokens, the state and the ids of some texts, or why the component cannot be loaded here."""
    try:
        if request["plugin_file"] is not None:
            from textgen.registry.single_file import load_plugin_file

            load_plugin_file(request["plugin_file"])
        component, options = pickle.loads(request["component"])
    except Exception as error:
        return {"unloadable": f"{type(error).__name__}: {error}"}
    tokenizer = component(**options)
    tokenizer.fit(request["text"])
    return {
        "tokens": list(tokenizer.tokens),
        "state": json.dumps(tokenizer.state()),
        "ids": [[int(token) for token in tokenizer.encode(probe)] for probe in request["probes"]],
    }


if __name__ == "__main__":
    request = pickle.load(sys.stdin.buffer)
    sys.path[:] = request["path"]
    answer = sys.stdout
    with redirect_stdout(sys.stderr):  # for components that print
        found = learnt(request)
    json.dump(found, answer)
