"""The live page in a cell of a notebook, by the module of its widget, without a kernel."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from queue import Empty
from typing import Any

import pytest

pytest.importorskip("starlette", reason="needs the extra play")

from helpers.browsing import watched
from helpers.playing import Relayed
from textgen_play.page import asset

pytestmark = pytest.mark.slow

NOTEBOOK = """
<div id="cell"></div><div id="other"></div>
<script type="module">
const module = await import(URL.createObjectURL(new Blob([MODULE], { type: "text/javascript" })));
const listeners = new Set();
const model = {
  get: () => PAGE,
  send: (message) => { sent.push(message); take(message); },
  on: (_, listener) => listeners.add(listener),
  off: (_, listener) => listeners.delete(listener),
};
window.sent = [];
window.listeners = listeners;
window.remove = module.default.render({ model, el: document.getElementById("cell") });
module.default.render({ model, el: document.getElementById("other") });
for (;;) {
  for (const [said, part] of await said_so_far()) {
    const bytes = new DataView(Uint8Array.from(atob(part), (char) => char.charCodeAt(0)).buffer);
    for (const listener of listeners) listener(said, [bytes]);
  }
  await new Promise((resolve) => setTimeout(resolve, 20));
}
</script>
"""


def said_so_far(relayed: Relayed) -> list[tuple[dict[str, Any], str]]:
    """Return what was answered since the last call, with bytes in base 64."""
    found = []
    try:
        while True:
            said, part = relayed.said.get_nowait()
            found.append((said, base64.b64encode(part).decode()))
    except Empty:
        return found


def test_a_cell_shows_what_the_kernel_writes(browser: Any, runs: list[Path]) -> None:
    relayed = Relayed(runs)
    with watched(browser, "about:", "blob:") as opened:
        page = opened.page
        page.expose_function("take", relayed.relay.take)
        page.expose_function("said_so_far", lambda: said_so_far(relayed))
        code = json.dumps([asset("play_widget.js"), relayed.page]).replace("<", "\\u003c")
        page.set_content(f"<script>const [MODULE, PAGE] = {code};</script>{NOTEBOOK}")
        first, second = (page.frame_locator(f"#{cell} iframe") for cell in ("cell", "other"))
        first.locator("#more summary").click()
        first.locator("#prompt").fill("The naïve weather ")
        first.locator("#length").fill("60")
        first.locator("#write").click()
        first.locator("#stop:disabled").wait_for()
        texts = first.locator(".pane .text").all_inner_texts()
        assert len(texts) == 2
        written = [text.replace("⏎\n", "\n") for text in texts]
        assert all(text.startswith("The naïve weather ") and len(text) == 78 for text in written)
        first.locator(".token.written").nth(2).click()
        first.locator(".alternatives button:enabled").last.click()
        first.locator("#undo").click()
        first.locator("#stop:disabled").wait_for()
        assert first.locator(".pane .text").all_inner_texts() == texts
        assert first.locator(".pane > .muted", has_text="made-up").count() == 2
        assert not first.locator("#link").is_visible()
        assert second.locator(".token.written").count() == 0
        # Nobody waits for what is still open when the cell is emptied.
        num_sent = page.evaluate("listeners.clear(); sent.length")  # from here on nothing is answered
        first.locator("#write").click()
        page.wait_for_function(f"sent.length === {num_sent + 2}")
        page.evaluate("remove()")
        *asked, left, also_left = page.evaluate(f"sent.slice({num_sent})")
        assert [each["path"] for each in asked] == ["read", "read"]
        assert [left, also_left] == [{"request": each["request"]} for each in asked]
        # What the notebook or another frame says is not for the kernel.
        page.evaluate("postMessage({ request: 'forged', path: 'read', body: '{}' }, '*')")
        page.evaluate("new Promise((resolve) => setTimeout(resolve))")
        assert page.evaluate("sent.at(-1)") == also_left
    relayed.worker.close()
