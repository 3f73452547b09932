"""The server of the page, and who may ask it."""

from __future__ import annotations

import asyncio
import json
import secrets
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from contextlib import asynccontextmanager, suppress
from secrets import compare_digest
from typing import Annotated, Any, TypeVar

from annotated_types import Ge, Le
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Mount, Route

from textgen import defaults
from textgen.contracts import TextgenError
from textgen.runtime.messages import one_line
from textgen.runtime.output import note
from textgen_play import model_process
from textgen_play.client import Client
from textgen_play.page import play_page

Scope = MutableMapping[str, Any]
App = Callable[[Scope, Any, Any], Awaitable[None]]

MAX_BODY = 500_000
"""Bytes of a request."""


class Guard:
    """Refuses requests by another name of the host, from another page, without the token, or too large.

    A page elsewhere could otherwise let the browser ask this server, by its address or by a name that leads
    to it (DNS rebinding).
    """

    def __init__(self, app: App, port: int, token: str = "") -> None:
        self._app, self._token = app, token
        names = ("127.0.0.1", "localhost")
        self._hosts = {f"{name}:{port}" for name in names} | (set(names) if port == 80 else set())

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        """Pass a request on, or answer 403 or 413."""
        answer = self._refusal(scope) if scope["type"] == "http" else None
        if answer is not None:
            await _read_on(receive)
        await (answer or self._app)(scope, receive, send)

    def _refusal(self, scope: Scope) -> Response | None:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        origin, size = headers.get("origin"), headers.get("content-length", "0")
        token = scope["path"].removeprefix("/").partition("/")[0]
        is_ours = headers.get("host") in self._hosts and (
            origin is None or origin.removeprefix("http://") in self._hosts
        )
        if not is_ours or not compare_digest(token.encode(), self._token.encode()):
            return PlainTextResponse("forbidden: use the address that textgen play printed", 403)
        if "transfer-encoding" in headers or not size.isdecimal() or int(size) > MAX_BODY:
            return PlainTextResponse(f"too large: at most {MAX_BODY} bytes", 413)
        if scope["method"] == "POST" and not headers.get("content-type", "").startswith("application/json"):
            return PlainTextResponse("forbidden: send application/json", 403)
        return None


async def _read_on(receive: Any) -> None:
    """Drop the rest of a body, if it comes soon: a client that still sends would see a reset, no answer."""
    with suppress(TimeoutError):
        async with asyncio.timeout(1):
            while (await receive()).get("more_body"):
                pass


MAX_CHARS, MAX_WRITTEN = 20_000, 5000
"""Characters of a text that is continued, and of its continuation."""
PORT = 8423
"""The port of the page, if it is free."""
MAX_STREAMS = 48
"""Continuations that are written at once."""
Name = Annotated[str, Field(max_length=200)]
Index = Annotated[int, Ge(0), Le(99)]
Updates = Annotated[int, Ge(0), Le(2**53)]


class Form(BaseModel):
    """What a page asks, in exactly these fields."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Reading(Form):
    """A text that a run is to read."""

    entry: Index
    text: Annotated[str, Field(min_length=1, max_length=MAX_CHARS + MAX_WRITTEN)]
    client: Name = ""
    """The page that asks; of the texts that it wants to have read, only the last one counts."""
    after: Updates | None = None
    """The snapshot to read with, by its updates."""


class Writing(Form):
    """A text that a run is to continue."""

    entry: Index
    prompt: Annotated[str, Field(max_length=MAX_CHARS)]
    length: Annotated[int, Ge(1), Le(MAX_WRITTEN)] = 200
    sampler: Name = defaults.SAMPLER
    seed: Annotated[int, Ge(0), Le(2**53)] = 0
    client: Name = ""
    """The page that asks; a new continuation of an entry ends its last one."""
    after: Updates | None = None
    """The snapshot to write with, by its updates."""

    def settings(self) -> dict[str, Any]:
        """Return the settings of `live.write`."""
        return self.model_dump(include={"length", "sampler", "seed"})


Asked = TypeVar("Asked", bound=Form)


class Play:
    """The application, without its guard."""

    def __init__(self, models: Client) -> None:
        self._models = models
        self._latest: dict[tuple[str, int], str] = {}
        """The name of the continuation that each page wants of each entry."""
        self._num_streams = 0
        self._reading, self._last_read = asyncio.Lock(), dict[tuple[str, int], Reading]()

    async def show(self, _: Request) -> Response:
        return HTMLResponse(
            play_page(await self._models.do(model_process.describe_runs)),
            headers={
                "Cache-Control": "no-store",
                "Referrer-Policy": "no-referrer",
                "Content-Security-Policy": "frame-ancestors 'none'",
            },
        )

    async def read(self, request: Request) -> Response:
        asked = await _asked(request, Reading)
        place = asked.client, asked.entry
        self._last_read[place] = asked
        try:
            async with self._reading:  # so that what nobody waits for any longer is not read
                if asked.client and self._last_read[place] is not asked:
                    return JSONResponse({"error": "another text is to be read now"}, 409)
                return JSONResponse(
                    await self._models.do(model_process.read, asked.entry, asked.text, asked.after)
                )
        finally:
            if self._last_read.get(place) is asked:
                del self._last_read[place]

    async def marks(self, request: Request) -> Response:
        asked = await _asked(request, Reading)
        return JSONResponse(await self._models.do(model_process.marks, asked.entry, asked.text))

    async def passages(self, _: Request) -> Response:
        return JSONResponse(await self._models.do(model_process.passages))

    async def write(self, request: Request) -> Response:
        """Stream a continuation, as server-sent events; it ends when its reader leaves."""
        asked = await _asked(request, Writing)
        if self._num_streams >= MAX_STREAMS:
            return JSONResponse({"error": f"{MAX_STREAMS} continuations are being written; wait"}, 503)
        name = secrets.token_hex(8)
        self._latest[asked.client, asked.entry] = name
        self._num_streams += 1
        try:
            settings = asked.settings()
            begun = self._models.do(
                model_process.begin, name, asked.entry, asked.prompt, settings, asked.after
            )
            temperature = await begun
        except BaseException:
            self._num_streams -= 1
            self._latest.pop((asked.client, asked.entry), None)
            raise
        events = self._events(name, asked, temperature)
        return StreamingResponse(events, media_type="text/event-stream")

    async def _events(self, name: str, asked: Writing, temperature: float | None) -> AsyncIterator[str]:
        place, is_over = (asked.client, asked.entry), False
        try:
            yield _event({"temperature": temperature, "tokens": [], "is_over": False})
            while not is_over and self._latest.get(place) == name:
                tokens, is_over = await self._models.do(model_process.advance, name)
                yield _event({"tokens": tokens, "is_over": is_over})
        except TextgenError as error:
            yield _event({"error": str(error)})
        finally:
            self._num_streams -= 1
            if self._latest.get(place) == name:
                del self._latest[place]
            if not is_over:
                self._models.forget(name)


def _event(values: dict[str, Any]) -> str:
    """Return values as a server-sent event."""
    return f"data: {json.dumps(values)}\n\n"


async def _asked(request: Request, form: type[Asked]) -> Asked:
    """Return a request as its form; raises `TextgenError` with one line if it is none."""
    try:
        return form.model_validate_json(await request.body())
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the request"
        raise TextgenError(f"{where}: {first['msg']}") from None


async def _explain(_: Request, error: Exception) -> Response:
    return JSONResponse({"error": str(error)}, 400)


async def _ignore(_: Request, __: Exception) -> Response:
    return Response(status_code=400)  # nobody is there to read it


async def _report(_: Request, error: Exception) -> Response:
    note(f"error: {one_line(error)}")
    return JSONResponse({"error": one_line(error)}, 500)


def application(models: Client, port: int, token: str) -> Guard:
    """Return the application behind its guard; paths begin with the token."""
    play = Play(models)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        models.close()

    routes: list[tuple[str, Callable[[Request], Awaitable[Response]], str]] = [
        ("/", play.show, "GET"),
        ("/read", play.read, "POST"),
        ("/write", play.write, "POST"),
        ("/marks", play.marks, "POST"),
        ("/passages", play.passages, "GET"),
    ]
    inner = [Route(path, handler, methods=[method]) for path, handler, method in routes]
    app = Starlette(
        routes=[Mount(f"/{token}", routes=inner)],
        lifespan=lifespan,
        exception_handlers={TextgenError: _explain, ClientDisconnect: _ignore, Exception: _report},
    )
    return Guard(app, port, token)


def serve(models: Client, port: int | None, on_open: Callable[[str], None]) -> None:
    """Serve until interrupted; `on_open` is told the address.

    Without a port it is `PORT`, or any free one.
    """
    import uvicorn

    listening = _listen(port)
    models.wait()
    port, token = listening.getsockname()[1], secrets.token_urlsafe(16)
    on_open(f"http://127.0.0.1:{port}/{token}/")
    app = application(models, port, token)
    config = uvicorn.Config(app, log_level="critical", timeout_graceful_shutdown=1)
    uvicorn.Server(config).run(sockets=[listening])


def _listen(port: int | None) -> socket.socket:
    """Return a socket that listens at a port: without one, at `PORT` or any that is free."""
    host = "127.0.0.1"
    if port is None:  # the same as last time, since browsers keep what they remember of a page by its port
        with suppress(OSError):
            return socket.create_server((host, PORT))
    try:
        return socket.create_server((host, port or 0))
    except OSError as error:
        reason = f"port {port or PORT} of {host} cannot be opened: {error.strerror}; give another"
        raise TextgenError(reason) from None
