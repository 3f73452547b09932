"""Write results.schema.json, the JSON Schema of everything that textgen saves: `make docs`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from textgen.experiment.saved_run import RunManifest
from textgen.results.comparison import Comparison
from textgen.results.ladder import Ladder
from textgen.runtime.storage.json_records import DIGEST, SCHEMA_VERSION, adapter, to_json
from textgen_suites.result import SuiteResult
from textgen_tune.result import StudyResult

PAGE = Path(__file__).parent / "results.schema.json"

FILES = {
    "bench.json": Comparison,
    "ladder.json": Ladder,
    "run.json": RunManifest,
    "suite.json": SuiteResult,
    "study.json": StudyResult,
}
"""Kind of record that each saved file holds."""


def schema() -> dict[str, Any]:
    """Return the schema, with every kind of record under its name in `$defs`."""
    _, definitions = TypeAdapter.json_schemas(
        [(kind, "serialization", adapter(kind)) for kind in FILES.values()]
    )
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"Results of textgen, schema version {SCHEMA_VERSION}",
        "description": "; ".join(f"{file}: {kind.__name__}" for file, kind in FILES.items()),
        "properties": {DIGEST: {"description": "SHA-256 of the file without this line", "type": "string"}},
        "anyOf": [{"$ref": f"#/$defs/{kind.__name__}"} for kind in FILES.values()],
        **definitions,
    }


if __name__ == "__main__":
    PAGE.write_text(to_json(schema()), "utf-8")
