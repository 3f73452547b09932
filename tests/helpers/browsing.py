"""Pages in a real browser: what they do is written down, and axe looks for what not everybody can use."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

HOSTILE = "<script>window.hacked=1</script><img src=x onerror=window.hacked=2>"
"""A text that sets `hacked` if it is taken for HTML."""
screens = pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (1280, "light")])
"""A phone and a wide screen."""


@dataclass
class Watched:
    """An open page and what it did."""

    page: Any
    errors: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)


@contextmanager
def watched(browser: Any, *allowed: str, **settings: Any) -> Iterator[Watched]:
    """A new page; it must make no error, run no hostile text, and ask for addresses that begin so only."""
    context = browser.new_context(viewport={"width": 1200, "height": 900}, **settings)
    result = Watched(context.new_page())
    result.page.on("console", lambda message: message.type == "error" and result.errors.append(message.text))
    result.page.on("pageerror", lambda error: result.errors.append(str(error)))
    result.page.on("request", lambda request: result.requests.append(request.url))
    yield result
    assert result.errors == []
    assert [url for url in result.requests if not url.startswith(allowed)] == []
    assert result.page.evaluate("window.hacked") is None
    context.close()


def check_access(
    browser: Any, address: str, width: int, scheme: str, use: Callable[[Any], object] = lambda page: None
) -> None:
    """Check that a page, once it is used, does not scroll sideways and that axe finds nothing."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe-playwright-python")
    context = browser.new_context(
        viewport={"width": width, "height": 800}, color_scheme=scheme, bypass_csp=True
    )
    page = context.new_page()
    page.goto(address)
    use(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    violations = axe.Axe().run(page).response["violations"]
    assert [f"{each['id']}: {each['nodes'][0]['html']}" for each in violations] == []
    context.close()
