"""Imported where processes are forked: what each of them would otherwise import for itself."""

import filelock  # noqa: F401
import pydantic.dataclasses
import pydantic.type_adapter  # noqa: F401
