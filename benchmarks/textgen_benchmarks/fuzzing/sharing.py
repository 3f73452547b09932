"""Folders that are shared with other users: temporary ones, and those with projects and plugins."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from textgen_benchmarks.fuzzing.child import NOBODY, forked, textgen
from textgen_benchmarks.fuzzing.kind import Case, Kind
from textgen_benchmarks.fuzzing.users import open_to_all, said


def temporary(case: Case) -> str | None:
    """Make a private folder in a temporary one of some owner and mode, which others then try to replace."""
    from textgen.runtime.storage.files import private_folder

    chance, place = case.chance, case.place
    open_to_all(place)
    parent = place / "temporary"
    parent.mkdir()
    owner, group = chance.choice((0, 0, NOBODY)), chance.choice((0, NOBODY))
    os.chown(parent, owner, group)
    parent.chmod(chance.choice((0o1777, 0o777, 0o700, 0o2775, 0o775, 0o3777, 0o755, 0o1775)))
    environment = {"TMPDIR": str(parent)}
    for _ in range(chance.randint(0, 3)):  # names like those of a killed process, which are removed
        name = f"textgen-{secrets.token_hex(4)}-{chance.choice((1, os.getpid(), 999_999))}-ab"
        (parent / name).symlink_to(place)

    def make() -> int:
        print(private_folder())
        return 0

    made = forked(make, place, environment=environment)
    if "TextgenError" in made.stderr:
        return None
    folder = Path(made.stdout.strip())
    if made.code or not folder.is_dir() or folder.stat().st_mode & 0o077:
        return f"unsafe: {made.stdout} {made.stderr[-300:]}"

    def attack() -> int:
        for act in (
            lambda: os.listdir(folder),
            lambda: os.rename(folder, f"{folder}-mine"),
            lambda: os.chmod(folder, 0o777),
        ):
            try:
                act()
                return 1
            except OSError:
                pass
        return 0

    mode = f"{parent.stat().st_mode & 0o7777:o} of {owner}:{group}"
    done = forked(attack, place, user=NOBODY)
    return f"unsafe: another user replaces a folder in a temporary one of mode {mode}" if done.code else None


EVIL = "open('OWNED', 'w').close()\n"
MINE = """class Mine:
    \"\"\"A sampler.\"\"\"
    def __call__(self, logits, uniforms):
        return logits.argmax(-1)
"""


def project(case: Case) -> str | None:
    """Run a command in a folder for everyone in which another user has put projects and plugin files."""
    chance, place = case.chance, case.place
    open_to_all(place)
    shared, own = place / "shared", place / "own"
    shared.mkdir()
    own.mkdir()
    os.chmod(shared, chance.choice((0o777, 0o1777)))
    table = '[tool.textgen]\nplugins = ["mine.py"]\n'
    (own / "pyproject.toml").write_text(table)
    (own / "mine.py").write_text(MINE)
    owned = place / "OWNED"
    evil = EVIL.replace("OWNED", str(owned)) + MINE
    kind = chance.choice(("copy", "link", "hard link", "mine is theirs", "mine is a link", "names", "deep"))
    project, plugin = shared / "pyproject.toml", shared / "mine.py"
    plugin.write_text(evil)
    os.chown(plugin, NOBODY, NOBODY)
    if kind == "link":
        project.symlink_to(own / "pyproject.toml")
        os.lchown(project, NOBODY, NOBODY)
    elif kind == "hard link":
        os.link(own / "pyproject.toml", project)
    elif kind == "mine is a link":
        plugin.unlink()
        (shared / "evil").write_text(evil)
        os.chown(shared / "evil", NOBODY, NOBODY)
        plugin.symlink_to(shared / "evil")
        project.write_text(table)  # root's
    elif kind == "mine is theirs":
        project.write_text(table)  # root's
    else:
        project.write_text(table)
        os.chown(project, NOBODY, NOBODY)
    for name in ("torch.py", "typing.py", "textgen.py", "sitecustomize.py", "numpy.py", "torch/__init__.py"):
        if kind == "names":
            (shared / name).parent.mkdir(exist_ok=True)
            (shared / name).write_text(evil)
    command = chance.choice((["plugins"], ["runs"], ["describe", "char-lstm", "--vocab-size", "9"]))
    done = forked(textgen(command), shared)
    problem = f"unsafe: a file of another user ran ({kind})" if owned.exists() else None
    return said(problem or done.problem(), command, done)


KINDS = (Kind("temporary folders", temporary, 150), Kind("projects of others", project, 60, seconds=90))
