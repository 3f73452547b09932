"""The application without a network: requests come as messages, and so do the parts of their answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import cache
from threading import Thread
from typing import Any

from textgen_play.guard import App

Send = Callable[[dict[str, object], bytes], None]


class Relay:
    """Lets an application answer requests that come as messages.

    A request is `{"request": …, "path": …, "body": …}`, with a name and the path in the application; without
    a body it is a GET. The messages of its answer have the same name: `{"request": …, "status": …}`, then
    bytes, finally `"is_over": True`. A message with only the name cancels the request.
    """

    def __init__(self, app: App, send: Send) -> None:
        self._app, self._send = app, send
        self._left: dict[str, asyncio.Event] = {}
        """The open requests, and whether nobody waits for their answers any longer."""

    def take(self, message: object) -> None:
        """Take a message; `send` is called in another thread. What is not a request is ignored."""
        asyncio.run_coroutine_threadsafe(self._take(message), _loop())

    async def _take(self, message: object) -> None:
        match message:
            case {"request": str(name), "path": str(path), **rest} if name not in self._left:
                body = rest.get("body")
                self._left[name] = asyncio.Event()
                try:
                    await self._answer(name, path, body if isinstance(body, str) else None)
                finally:
                    del self._left[name]
                    self._send({"request": name, "is_over": True}, b"")
            case {"request": str(name)} if name in self._left:
                self._left[name].set()

    async def _answer(self, name: str, path: str, body: str | None) -> None:
        """Let the application answer, which never raises what it has not answered."""
        left, asked = self._left[name], [(body or "").encode("utf-8", "surrogatepass")]

        async def receive() -> dict[str, Any]:
            if asked:
                return {"type": "http.request", "body": asked.pop()}
            await left.wait()
            return {"type": "http.disconnect"}

        async def send(event: dict[str, Any]) -> None:
            if event["type"] == "http.response.start":
                self._send({"request": name, "status": event["status"]}, b"")
            elif event.get("body"):
                self._send({"request": name}, event["body"])

        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": "GET" if body is None else "POST",
            "path": f"/{path}",
            "query_string": b"",
            "headers": [],
        }
        await self._app(scope, receive, send)


@cache
def _loop() -> asyncio.AbstractEventLoop:
    """Return the event loop of a thread of its own, which goes on while a cell of a notebook runs."""
    loop = asyncio.new_event_loop()
    Thread(target=loop.run_forever, name="textgen-play", daemon=True).start()
    return loop
