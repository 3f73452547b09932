"""Records on disk that were changed by someone who knows how their digests are computed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from textgen.runtime.storage.files import DIGESTS, write_digests
from textgen.runtime.storage.json_records import DIGEST, with_digest


def edit_record(path: Path, change: Callable[[Any], object]) -> None:
    """Change a record as if it had been written like that; so are the digests of a run folder."""
    values = json.loads(path.read_text("utf-8"))
    values.pop(DIGEST, None)
    change(values)
    path.write_text(with_digest(values), "utf-8")
    if (path.parent / DIGESTS).exists():
        write_digests(path.parent)
