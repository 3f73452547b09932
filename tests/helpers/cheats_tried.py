"""Entries that cheat, by the plugin file in which they are defined."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parent
MODELS, TOKENIZERS, ELSEWHERE, AT_IMPORT = (
    FOLDER / f"cheats_{name}.py" for name in ("in_models", "in_tokenizers", "elsewhere", "at_import")
)

COMMON = {
    MODELS: ("char-frames",),
    TOKENIZERS: ("growing-ngram", "emptystart-reads", "notes-notes"),
    ELSEWHERE: ("char-pickled",),
}
"""Those that are tried each time: at least one of each way that there was."""
OTHERS = {
    MODELS: (
        *(
            "char-strided",
            "char-windows",
            "char-blend",
            "char-gcscan",
            "char-patched",
            "char-midpeek",
            "char-sparse",
            "char-dear",
        ),
        *("char-late", "char-thread", "char-selfmem", "char-procmem", "char-slow"),
        *("char-nan", "char-infinite", "char-flips", "char-dies", "char-nonsense"),
    ),
    TOKENIZERS: (
        *(
            "startids-reads",
            "empty-foretold",
            "recalls-ngram",
            "shifts-ngram",
            "environ-environ",
            "huge-ngram",
        ),
    ),
    ELSEWHERE: (
        *(
            "char-opens",
            "char-steps",
            "char-parentmem",
            "char-descriptors",
            "char-forged",
            "char-answers",
            "char-finisher",
        ),
        *("char-outlives", "char-sealedread"),
    ),
    AT_IMPORT: ("char-mainpatch", "char-judgepatch"),
}
"""Those that a long test tries."""
POSSIBLE = {
    MODELS: ("char-ttt", "char-rows", "char-quiet"),
    TOKENIZERS: ("file-file", "shm-shm", "daemon-daemon"),
    ELSEWHERE: ("char-disk",),
}
"""Those that docs/trust.md names as possible: a cache that is not declared, files, other processes."""
FAMILIES = {"models": MODELS, "tokenizers": TOKENIZERS, "elsewhere": ELSEWHERE, "at import": AT_IMPORT}
