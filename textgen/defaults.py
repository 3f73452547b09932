"""Defaults that commands and the Python API share."""

CORPUS = "wiki"
CLEANER = "prose"
ENCODING = "auto"
"""By the byte-order mark, otherwise UTF-8, otherwise a guess, with a warning."""
LANGUAGE = "en"
"""Language of a text that does not name its own, a BCP 47 tag."""
SPLIT = "90/5/5"
"""Percent for train, validation and test."""
BUDGET = "60s"
"""Training of each entry."""
ENTRY_TIMEOUT = "30m"
"""Time without progress after which an entry is ended; tokenizing a huge text may take minutes."""
ADVISER = "ask"
"""The adviser that chooses what is trained if no entry is given."""
ENTRIES = "char-lstm word-lstm-glove random"
"""Entries of a bench that names none."""
TEMPERATURE_SAMPLER = "temperature:temperature={:g}"
"""Sampler of a user who gives a temperature alone."""
SAMPLER = TEMPERATURE_SAMPLER.format(0.6)
"""Sampler of texts that people read: what a model writes at its best is safer than what is measured."""
EQUAL_SAMPLER = "temperature:entropy=auto"
"""Sampler of what is measured: each entry writes at the temperature at which its choices have one entropy."""
ENTROPY_SHARE = 1 / 4
"""That entropy, as a share of the entropy of single characters: about 1.1 bits per character in English, at
which models write about as many real words as the author."""
SAMPLE_CHARS = 400
"""Characters of each sample."""
SWEEP = tuple(f"temperature:temperature={value}" for value in (0.4, 0.6, 0.8, 1.0, 1.2))
"""Samplers whose samples and metrics a report shows side by side, from the coldest to the hottest."""
COMMAND_GROUPS = ("plugins", "runs")
"""Commands with subcommands; `plugins.check` is the name of a plugin that adds one."""
DAILY_COMMANDS = (
    *("bench", "ask", "train", "sample", "score", "play", "suite"),
    *("tune", "corpus", "runs", "plugins", "tour"),
)
"""What one uses daily, in the order of the help."""
COMMANDS = (
    *("bench", "train", "sample", "score", "corpus", "runs", "plugins", "tour"),
    *("describe", "report", "cache", "runs.show", "runs.remove"),
)
"""The built-in commands, whose names no plugin can have."""
