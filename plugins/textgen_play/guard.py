"""Who may ask: pages of this server only, which know the token in its address."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from secrets import compare_digest
from typing import Any

from starlette.responses import PlainTextResponse

Scope = MutableMapping[str, Any]
App = Callable[[Scope, Any, Any], Awaitable[None]]

MAX_BODY = 500_000
"""Bytes of a request."""


class Guard:
    """Refuses requests by another name of the host, from another page, without the token, or too large.

    A page elsewhere could otherwise let the browser ask this server, by its address or by a name that leads
    to it (DNS rebinding).
    """

    def __init__(self, app: App, port: int, token: str) -> None:
        self._app, self._token = app, token
        names = ("127.0.0.1", "localhost")
        self._hosts = {f"{name}:{port}" for name in names} | (set(names) if port == 80 else set())

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        """Pass a request on, or answer 403 or 413."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        answer = self._refusal(scope)
        if answer is not None:
            await answer(scope, receive, send)
            return
        await self._app(scope, _Limited(receive), send)

    def _refusal(self, scope: Scope) -> PlainTextResponse | None:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        origin = headers.get("origin")
        token = scope["path"].removeprefix("/").partition("/")[0]
        is_ours = headers.get("host") in self._hosts and (
            origin is None or origin.removeprefix("http://") in self._hosts
        )
        if not is_ours or not compare_digest(token.encode(), self._token.encode()):
            return PlainTextResponse("forbidden: use the address that textgen play printed", 403)
        size = headers.get("content-length", "0")
        if not size.isdecimal() or int(size) > MAX_BODY:
            return PlainTextResponse(f"too large: at most {MAX_BODY} bytes", 413)
        if scope["method"] == "POST" and not headers.get("content-type", "").startswith("application/json"):
            return PlainTextResponse("forbidden: send application/json", 403)
        return None


class _Limited:
    """The body of a request, which ends at `MAX_BODY`, so that what is larger is no JSON."""

    def __init__(self, receive: Any) -> None:
        self._receive, self._num_bytes = receive, 0

    async def __call__(self) -> Any:
        message = await self._receive()
        if message["type"] == "http.request":
            self._num_bytes += len(message.get("body", b""))
            if self._num_bytes > MAX_BODY:
                return {"type": "http.request", "body": b"", "more_body": False}
        return message
