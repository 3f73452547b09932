"""The server of the page: it reads texts, streams continuations and hands out held-out passages."""

from __future__ import annotations

import asyncio
import json
import secrets
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Annotated, Any, TypeVar

from annotated_types import Ge, Le
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Mount, Route

from textgen.contracts import TextgenError
from textgen.runtime.messages import one_line
from textgen.runtime.output import note
from textgen_play import models
from textgen_play.guard import Guard
from textgen_play.worker import Worker

MAX_CHARS, MAX_WRITTEN = 20_000, 5000
"""Characters of a text that is continued, and of its continuation."""
PORT = 8423
"""The port of the page, if it is free."""
MAX_STREAMS = 48
"""Continuations that are written at once."""
Name = Annotated[str, Field(max_length=200)]
Index = Annotated[int, Ge(0), Le(99)]
Updates = Annotated[int, Ge(0), Le(2**53)]


class Reading(BaseModel):
    """A text that a run is to read."""

    model_config = ConfigDict(extra="forbid", strict=True)
    entry: Index
    text: Annotated[str, Field(min_length=1, max_length=MAX_CHARS + MAX_WRITTEN)]
    client: Name = ""
    """The page that asks; of the texts that it wants to have read, only the last one counts."""
    after: Updates | None = None
    """The snapshot to read with, by its updates."""


class Writing(BaseModel):
    """A text that a run is to continue."""

    model_config = ConfigDict(extra="forbid", strict=True)
    entry: Index
    prompt: Annotated[str, Field(max_length=MAX_CHARS)]
    length: Annotated[int, Ge(1), Le(MAX_WRITTEN)] = 200
    sampler: Name = "temperature"
    seed: Annotated[int, Ge(0), Le(2**53)] = 0
    client: Name = ""
    """The page that asks; a new continuation of an entry ends its last one."""
    after: Updates | None = None
    """The snapshot to write with, by its updates."""

    def settings(self) -> dict[str, Any]:
        """Return the settings of `live.write`."""
        return self.model_dump(include={"length", "sampler", "seed"})


class Guessing(BaseModel):
    """A game: how many guesses each character took."""

    model_config = ConfigDict(extra="forbid", strict=True)
    guesses: Annotated[list[Annotated[int, Ge(1), Le(10_000)]], Field(min_length=1, max_length=10_000)]


Asked = TypeVar("Asked", bound=BaseModel)


class Play:
    """The application, without its guard."""

    def __init__(self, worker: Worker, page: Callable[[list[dict[str, Any]]], str]) -> None:
        self._worker, self._page = worker, page
        self._latest: dict[tuple[str, int], str] = {}
        """The name of the continuation that each page wants of each entry."""
        self._num_streams = 0
        self._reading, self._last_read = asyncio.Lock(), dict[tuple[str, int], Reading]()

    async def show(self, _: Request) -> Response:
        """Return the page."""
        return HTMLResponse(
            self._page(await self._worker.do(models.describe_runs)),
            headers={
                "Cache-Control": "no-store",
                "Referrer-Policy": "no-referrer",
                "Content-Security-Policy": "frame-ancestors 'none'",
            },
        )

    async def read(self, request: Request) -> Response:
        """Return how an entry predicts a text."""
        asked = await _asked(request, Reading)
        place = asked.client, asked.entry
        self._last_read[place] = asked
        try:
            async with self._reading:  # so that what nobody waits for any longer is not read
                if asked.client and self._last_read[place] is not asked:
                    return JSONResponse({"error": "another text is to be read now"}, 409)
                return JSONResponse(await self._worker.do(models.read, asked.entry, asked.text, asked.after))
        finally:
            if self._last_read.get(place) is asked:
                del self._last_read[place]

    async def marks(self, request: Request) -> Response:
        """Return the made-up words and the copied spans of a text that an entry has written."""
        asked = await _asked(request, Reading)
        return JSONResponse(await self._worker.do(models.marks, asked.entry, asked.text))

    async def keep_guesses(self, request: Request) -> Response:
        """Keep a game for the report."""
        asked = await _asked(request, Guessing)
        return JSONResponse({"kept": await self._worker.do(models.keep_guesses, asked.guesses)})

    async def passages(self, _: Request) -> Response:
        """Return held-out passages."""
        return JSONResponse(await self._worker.do(models.passages))

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
            begun = self._worker.do(models.begin, name, asked.entry, asked.prompt, settings, asked.after)
            temperature = await begun
        except BaseException:
            self._num_streams -= 1
            self._latest.pop((asked.client, asked.entry), None)
            raise
        events = self._events(name, asked, temperature)
        return StreamingResponse(events, media_type="text/event-stream")

    async def keep(self, request: Request) -> Response:
        """Keep a continuation with its run, which writes it again."""
        asked = await _asked(request, Writing)
        kept = self._worker.do(models.keep, asked.entry, asked.prompt, asked.settings(), asked.after)
        return JSONResponse({"kept": await kept})

    async def _events(self, name: str, asked: Writing, temperature: float | None) -> AsyncIterator[str]:
        place, is_over = (asked.client, asked.entry), False
        try:
            yield _event({"temperature": temperature, "tokens": [], "is_over": False})
            while not is_over and self._latest.get(place) == name:
                tokens, is_over = await self._worker.do(models.advance, name)
                yield _event({"tokens": tokens, "is_over": is_over})
        except TextgenError as error:
            yield _event({"error": str(error)})
        finally:
            self._num_streams -= 1
            if self._latest.get(place) == name:
                del self._latest[place]
            if not is_over:
                self._worker.forget(name)


def _event(values: dict[str, Any]) -> str:
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


def application(worker: Worker, page: Callable[[list[dict[str, Any]]], str], port: int, token: str) -> Guard:
    """Return the application behind its guard."""
    return Guard(unguarded(worker, page, f"/{token}"), port, token)


def unguarded(worker: Worker, page: Callable[[list[dict[str, Any]]], str], prefix: str = "") -> Starlette:
    """Return the application for those whom nobody else can ask for; paths begin with `prefix`."""
    play = Play(worker, page)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        worker.close()

    routes: list[tuple[str, Callable[[Request], Awaitable[Response]], str]] = [
        ("/", play.show, "GET"),
        ("/read", play.read, "POST"),
        ("/write", play.write, "POST"),
        ("/marks", play.marks, "POST"),
        ("/keep", play.keep, "POST"),
        ("/guesses", play.keep_guesses, "POST"),
        ("/passages", play.passages, "GET"),
    ]
    inner = [Route(path, handler, methods=[method]) for path, handler, method in routes]
    return Starlette(
        routes=[Mount(prefix, routes=inner)],
        lifespan=lifespan,
        exception_handlers={TextgenError: _explain, ClientDisconnect: _ignore, Exception: _report},
    )


def serve(
    worker: Worker,
    page: Callable[[list[dict[str, Any]]], str],
    port: int | None,
    on_open: Callable[[str], None],
) -> None:
    """Serve until interrupted; `on_open` is told the address.

    Without a port it is `PORT`, or any free one.
    """
    import uvicorn

    listening = _listen(port)
    worker.wait()
    port, token = listening.getsockname()[1], secrets.token_urlsafe(16)
    app: Any = application(worker, page, port, token)
    server = uvicorn.Server(uvicorn.Config(app, log_level="critical", timeout_graceful_shutdown=1))
    on_open(f"http://127.0.0.1:{port}/{token}/")
    server.run(sockets=[listening])


def _listen(port: int | None) -> socket.socket:
    if port is None:  # the same as last time, since browsers keep what they remember of a page by its port
        with suppress(OSError):
            return socket.create_server(("127.0.0.1", PORT))
    try:
        return socket.create_server(("127.0.0.1", port or 0))
    except OSError as error:
        reason = f"port {port} of 127.0.0.1 cannot be opened: {error.strerror}; give another"
        raise TextgenError(reason) from None
