"""Every page as a walk: all that it says to run is run as it is written, in order, on small texts."""

from __future__ import annotations

import gzip
import importlib.util
import json
import re
import shlex
import shutil
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.request import urlopen

import pytest

from helpers.commands import forget_plugin_files, run_textgen
from helpers.hugging_face import byte_level, save_gpt2, save_tokenizer
from helpers.pages import PAGES, ROOT, read_page
from helpers.playing import started
from helpers.this_process import compute_here
from textgen.contracts import WordVectors
from textgen.data.corpus import Corpus
from textgen.requests import SampleOptions
from textgen_ask.facts import Facts, measure
from textgen_corpora.downloads import Europarl
from textgen_corpora.gensim_texts import Lee, Wiki
from textgen_embeddings.glove import bundled

NOT_RUN = {
    "make": "installs, and runs these tests; test_readme.py has its commands",
    **dict.fromkeys(("apt-get", "pip", "pipx", "python3", "python3.13", "uvx"), "installs"),
    "pytest": "runs tests: those of a new project are in test_new.py",
    "python": "tests and measures a GPU",
    "docker": "needs an image",
    "ray": "needs other machines, as does HOST; test_ray_connection.py has nodes of its own",
    "source": "is for the shell that people type into",
}
"""Programs of lines that are left out, as are lines that a page ends in `# not run: reason`."""
FIRST = ("README.md", "CONTRIBUTING.md", "docs/quickstart.md", "docs/your-text.md", "docs/other-kinds.md")
"""The pages that `make test` follows; `make test-all` follows all, for some minutes."""

CHARS = "textgen train char-lstm --out runs/char"
GIVEN = {
    "docs/integrations.md": [CHARS, "textgen train word-lstm --out runs/words"],
    "docs/other-kinds.md": [CHARS],
    "docs/report.md": ["textgen bench char-lstm --out runs/novel"],
    "docs/samplers.md": [CHARS],
    "docs/scores.md": ["textgen bench char-bigram --plugin their.py -o out", "textgen bench -o runs/NAME"],
    "docs/your-text.md": [
        "textgen train char-lstm -o runs/novels",
        "textgen train char-lstm --corpus novel.txt",
    ],
}
"""What the reader of a page has run before."""
TYPED = {"tour": "\ns\ns\nnovel.txt\ns\ns\n", "runs": "y\n"}
"""The answers to a command that asks: of the tour, one step is enough here."""

TEXTS = ("novel.txt", "sequel.txt", "diary.txt", "another.txt", "books/first.txt", "enwik8")
NUM_CHARS, NUM_DOCUMENTS, NUM_VECTORS = 32_000, 45, 3_000
"""The size of a text, the documents of one that has some, and the words that have vectors."""
SMALL = {
    "bench": {"--budget": "1kchars", "--length": "40"},
    "train": {"--budget": "1kchars"},
    "suite": {"--budget": "1kchars", "--seeds": "1"},
    "tune": {"--budget": "1kchars", "--trials": "2"},
    "tour": {"--budget": "1kchars"},
}
"""Command: options that are added to a line unless it has them."""


def scaled(page: str) -> str:
    """Return a page with small budgets, in characters, and any free port; nothing else in it is changed."""
    for usual, small in (
        (r"(?<![\w.-])(\d+)s\b", r"\g<1>0chars"),
        (r"(?<![\w.-])(\d+)m\b", r"\g<1>000chars"),
        (r"(?<![\w.-])(\d+)h\b", r"\g<1>0000chars"),
        (r"(\d+)Mchars\b", r"\1kchars"),
        (r"\d+epochs\b", "1epochs"),
        (r"--timeout \w+", "--timeout 5s"),
        (r"--trials \d+", "--trials 2"),
        (r"--seeds \d+", "--seeds 2"),
        (r"--port \d+", "--port 0"),
    ):
        page = re.sub(usual, small, page)
    return page


def steps(page: str) -> Iterator[tuple[str, str]]:
    """Yield what a page says to run: lines of the shell, Python, commands in prose that name a file."""
    pattern = r"^```(\w+)\n(.*?)^```|`(textgen [^`]+\.(?:py|toml))`"
    for language, code, inline in re.findall(pattern, page, re.S | re.M):
        if language == "python" and not re.match(r"# \w+\.py\n", code):
            yield language, code
        for line in code.replace("\\\n", " ").splitlines() if language == "sh" else [inline]:
            if line.strip() and not line.startswith("#"):
                yield "sh", line.strip()


def write_files(page: str, news: str) -> None:
    """Write the texts of which pages speak, and the files that this one shows, by their names.

    The name of a file is the last word of the paragraph above it, or its first line.
    """
    named = r"[ `](\w+\.(?:py|toml))`[^`\n]*\n\n```\w+\n(.*?)^```|^```\w+\n# (\w+\.(?:py|toml))\n(.*?)^```"
    for above, code, first, rest in re.findall(named, page, re.S | re.M):
        Path(above or first).write_text(code or rest, "utf-8")
    Path("books").mkdir()
    for place, name in enumerate(TEXTS):
        Path(name).write_text(news[place * 4000 :][:NUM_CHARS], "utf-8")
    records = [json.dumps({"body": each}) for each in news.split("\n\n")]
    Path("news.jsonl.gz").write_bytes(gzip.compress("\n".join(records).encode()))
    with sqlite3.connect("stories.db") as database:
        database.execute("CREATE TABLE stories (text)")
        database.execute("INSERT INTO stories VALUES (?)", [news[:NUM_CHARS]])
    (bigram,) = re.findall(r"^```python\n(.*?)^```", read_page("README.md"), re.S | re.M)
    Path("their.py").write_text(bigram, "utf-8")
    Path("benchmarks").symlink_to(ROOT / "benchmarks")
    if "models/gpt2-small" in page:
        tokenizer = byte_level(news)
        save_tokenizer(tokenizer, Path("models/gpt2-small"))
        save_gpt2(Path("models/gpt2-small"), tokenizer.get_vocab_size())


class Walk:
    """What a reader does who follows a page."""

    def __init__(self, patch: pytest.MonkeyPatch, stack: ExitStack) -> None:
        self.patch, self.stack = patch, stack

    def run(self, language: str, code: str) -> None:
        (self.python if language == "python" else self.line)(code)

    def python(self, code: str) -> None:
        module = ModuleType("walked")
        self.patch.setitem(sys.modules, "walked", module)
        vars(module)["In"] = [code]  # so that the code of a class is found, as in a notebook
        exec(compile(code, "walked", "exec"), vars(module))

    def line(self, line: str) -> None:
        command, _, target = line.partition(" > ")
        words = shlex.split(re.sub(r"^(?:[A-Z_]+=\S+ )+", "", command), comments=True)
        program = Path(words[0]).name
        if program == "make":
            makefile = read_page("Makefile").replace("$(VENV)", ".venv")
            assert set(words[1:]) <= set(re.findall(r"^([^\s#]\S*):", makefile, re.M))
        elif program == "python":
            assert importlib.util.find_spec(words[2])
        elif program == "pip" and "--editable" in words:  # the project that was made before
            (project,) = Path().glob("textgen-*")
            self.patch.chdir(project)
            self.patch.setenv("TEXTGEN_PLUGIN_FILES", f"{project}.py".replace("-", "_"))
        elif program == "export":
            self.patch.setenv(*words[1].split("=", 1))
        elif "# not run: " in line or "HOST" in line or program in NOT_RUN:
            pass
        elif words[1] == "play":
            self.play(words[1:])
        else:
            assert program == "textgen", line
            small = SMALL.get(words[1], {}).items()
            more = [word for option, value in small if option not in words for word in (option, value)]
            done = run_textgen(*words[1:], *more, stdin=TYPED.get(words[1], ""), width=100)
            if target:
                Path(target).write_text(done.stdout, "utf-8")

    def play(self, words: list[str]) -> None:
        """Start a server that ends with the page, and look whether it answers."""
        output: Any = self.stack.enter_context(started(*words)).stdout
        (address,) = re.findall(r"http\S+", output.readline())
        with urlopen(address) as answer:
            assert answer.status == 200


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[pytest.MonkeyPatch]:
    """Texts of gensim, vectors and samples are short for all pages, which share the cache."""
    with pytest.MonkeyPatch.context() as patch:
        for corpus in (Lee, Wiki):
            documents = [each[: NUM_CHARS // NUM_DOCUMENTS] for each in corpus().read("")[:NUM_DOCUMENTS]]
            patch.setattr(corpus, "read", lambda *_, documents=documents: documents)
        patch.setattr(Europarl, "read", Wiki.read)
        glove = bundled()
        first = WordVectors(glove.words[:NUM_VECTORS], glove.table[:NUM_VECTORS])
        patch.setattr("textgen_embeddings.glove.bundled", lambda: first)
        patch.setattr("textgen.generation.generator.MEASURED_CHARS", 20)
        patch.setattr("textgen_ask.facts.UPDATES", "4updates")
        known: dict[str, Facts] = {}

        def measured(corpus: Corpus, *more: Any) -> Facts:
            sha256 = corpus.info.sha256
            known[sha256] = known.get(sha256) or measure(corpus, *more)
            return known[sha256]

        patch.setattr("textgen_ask.answer.measure", measured)
        patch.setitem(SampleOptions.__init__.__kwdefaults__, "length", 40)
        patch.setenv("TEXTGEN_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setenv("BROWSER", "true")
        patch.setenv("no_proxy", "127.0.0.1")  # or a proxy is asked for the pages of this machine
        compute_here(patch)
        yield patch


FOLLOWED = [
    pytest.param(page, marks=[pytest.mark.slow if page in FIRST else pytest.mark.long])
    for page in PAGES
    if any(steps(read_page(page)))
]


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("page", FOLLOWED)
def test_a_page_can_be_followed(
    page: str, news: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = scaled(read_page(page))
    monkeypatch.chdir(tmp_path)
    write_files(text, news)
    with ExitStack() as stack:
        walk = Walk(monkeypatch, stack)
        for line in GIVEN.get(page, []):
            walk.line(line)
        for run in Path("out").glob("runs/*-seed0"):
            shutil.copytree(run, "out/runs/NAME-seed0")
        for language, code in steps(text):
            walk.run(language, code)
    forget_plugin_files()
