"""Rendering a page: sections of HTML, tables, data as JSON, and the scripts that work on it."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Collection, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup, escape

from textgen.runtime.storage.json_records import to_values
from textgen.version import __version__

SCRIPTS = ("page.js",)
"""Scripts of every page: the choice of light or dark, and downloads."""


def render_page(template: str, data: Any, scripts: Sequence[str], **values: Any) -> str:
    """Return a whole page, of a template of this package with `values`.

    `data` is what the scripts read and what can be downloaded; `scripts` are names of assets. The policy of
    the page allows these scripts, by their hashes, and no requests at all.
    """
    code = [asset(name) for name in (*SCRIPTS, *scripts)]
    return render_with_scripts(template, code, "", "img-src data:", data=data, **values)


def render_with_scripts(
    template: str | Template, code: Sequence[str], style: str, allowed: str, *, data: Any, **values: Any
) -> str:
    """Return a page with scripts and styles of its own; its policy allows these scripts and `allowed`."""
    policy = (
        "default-src 'none'",
        f"script-src {' '.join(map(_source, code))}",
        "style-src 'unsafe-inline'",
        allowed,
        "base-uri 'none'",
        "form-action 'none'",
    )
    page = render(
        template,
        version=__version__,
        style=Markup(asset("page.css") + style),
        scripts=list(map(Markup, code)),
        policy="; ".join(policy),
        data=Markup(script_json(data)),
        **values,
    )
    return without_surrogates(page)


def render(template: str | Template, **values: Any) -> Markup:
    """Return a template, or one of this package by name, as HTML; values are escaped unless `Markup`."""
    return Markup(environment().get_template(template).render(**values))


@cache
def environment() -> Environment:
    """Return the templates of this package, which escape every value."""
    templates = Environment(
        loader=PackageLoader("textgen.page", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters["breakable"] = breakable
    return templates


@cache
def asset(name: str) -> str:
    """Return a style sheet or script of this package."""
    return files("textgen.page").joinpath("assets", name).read_text("utf-8")


def notebook_table(
    header: Sequence[str], rows: Sequence[Sequence[str]], lefts: Collection[int] = (0,)
) -> Markup:
    """Return a table of a notebook, with its styles inside; without a header there are only rows."""
    return render("notebook_table.html", header=header, rows=rows, lefts=lefts)


def notebook_block(*parts: str) -> str:
    """Return parts as one block, in which notebooks do not look for formulas between dollar signs."""
    content = Markup().join(parts)
    return str(Markup('<div class="tex2jax_ignore mathjax_ignore">{}</div>').format(content))


def breakable(text: str) -> Markup:
    """Return a text that may be broken after the punctuation of an entry's options, `Markup` unchanged."""
    if isinstance(text, Markup):
        return text
    return Markup(re.sub("([,:=+])(?=[^ ])", r"\1<wbr>", str(escape(text))))


def script_json(data: Any) -> str:
    """Return a record as compact JSON that cannot end the script element it is in."""
    text = json.dumps(to_values(data), allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    text = re.sub("[<>&\\u2028\\u2029]", lambda match: f"\\u{ord(match[0]):04x}", text)
    return without_surrogates(text)


def without_surrogates(text: str) -> str:
    """Return a text in which U+FFFD replaces what UTF-8 cannot encode."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def data_address(text: str, kind: str) -> str:
    """Return a `data:` address of a text, for a download that needs no script."""
    return f"data:{kind};charset=utf-8;base64,{base64.b64encode(without_surrogates(text).encode()).decode()}"


def _source(script: str) -> str:
    """Return the name of a script in a policy."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"
