"""Runs as an OpenAI-compatible server: the completions of `textgen serve`, for those who have the key."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from itertools import chain, count
from pathlib import Path
from secrets import compare_digest
from typing import Annotated, Any

from annotated_types import Ge, Gt, Le
from pydantic import Field, ValidationError
from pydantic_core import from_json
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from textgen.contracts import TextgenError
from textgen.runtime.messages import one_line
from textgen.runtime.output import note
from textgen.runtime.storage.result_folders import RUN_FILE
from textgen_play import model_process
from textgen_play.client import Client, DiedError
from textgen_play.completions import Settings
from textgen_play.server import (
    MAX_CHARS,
    MAX_STREAMS,
    TOO_LARGE,
    App,
    Form,
    Guard,
    Name,
    Scope,
    answer,
    event,
    headers_of,
    is_too_large,
    listen,
)

PORT = 8424
"""The port of the server, if it is free."""
MAX_TOKENS, MAX_PROMPTS, MAX_SIZE = 10_000, 128, 200_000
"""Tokens of a completion, prompts of a request, and tokens of all completions, which are kept in memory."""
MAX_STOPS, MAX_STOP = 4, 200
"""Stop texts of a request, and characters of one."""
NEUTRAL: dict[str, Any] = {
    **dict.fromkeys(("n", "best_of"), 1),
    **dict.fromkeys(("presence_penalty", "frequency_penalty"), 0),
    "logit_bias": {},
    "suffix": "",
}
"""Parameters of the API that are not supported, and the values with which they change nothing."""


class RefusedError(Exception):
    """A request that is not answered, in the words of the API."""

    def __init__(self, status: int, message: str, param: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.status, self.param, self.code = status, param, code

    def response(self, headers: dict[str, str] | None = None) -> Response:
        return Answer({"error": self.values()}, self.status, headers)

    def values(self) -> dict[str, Any]:
        """Return the error as the API words it."""
        kind = "server_error" if self.status >= 500 else "invalid_request_error"
        kind = "rate_limit_error" if self.status == 429 else kind
        return {"message": str(self), "type": kind, "param": self.param, "code": self.code}


class Answer(JSONResponse):
    """JSON in ASCII, since the strings of tokens may be lone surrogates."""

    def render(self, content: Any) -> bytes:
        return json.dumps(content).encode("ascii")


class KeyGuard(Guard):
    """Refuses requests without the key, which no page elsewhere knows, or too large."""

    def __init__(self, app: App, key: str) -> None:
        self._app, self._expected = app, key.encode()

    def _refusal(self, scope: Scope) -> Response | None:
        headers = headers_of(scope)
        scheme, _, key = headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not compare_digest(key.strip().encode(), self._expected):
            refused = RefusedError(401, "give the key: Authorization: Bearer KEY", code="invalid_api_key")
            return refused.response({"WWW-Authenticate": "Bearer"})
        return RefusedError(413, TOO_LARGE).response() if is_too_large(headers) else None


Text = Annotated[str, Field(max_length=MAX_CHARS)]
Ids = Annotated[list[Annotated[int, Ge(0)]], Field(min_length=1, max_length=MAX_CHARS)]
Several = Field(min_length=1, max_length=MAX_PROMPTS)
Prompt = Text | Ids | Annotated[list[Text], Several] | Annotated[list[Ids], Several]
Stop = Annotated[str, Field(min_length=1, max_length=MAX_STOP)]
EXPLAINED = {
    "prompt": f"give a text, a list of token ids, or a list of up to {MAX_PROMPTS} of either, each of at "
    f"most {MAX_CHARS:,} characters or ids",
    "stop": f"give up to {MAX_STOPS} texts of 1 to {MAX_STOP} characters",
}
"""What is valid for the parameters that have several forms."""


class StreamOptions(Form):
    """What a stream has besides."""

    include_usage: bool = False


class Asked(Form):
    """A completion that is asked for."""

    model: Name = ""
    prompt: Prompt = ""
    max_tokens: Annotated[int, Ge(0), Le(MAX_TOKENS)] = 16
    temperature: Annotated[float, Ge(0), Le(1000)] = 1
    top_p: Annotated[float, Gt(0), Le(1)] = 1
    stream: bool = False
    stream_options: StreamOptions | None = None
    logprobs: Annotated[int, Ge(0), Le(20)] | None = None
    echo: bool = False
    stop: Stop | Annotated[list[Stop], Field(max_length=MAX_STOPS)] | None = None
    seed: Annotated[int, Ge(0), Le(2**53)] = Field(default_factory=lambda: secrets.randbelow(2**32))
    user: str = ""

    @property
    def prompts(self) -> list[Any]:
        """The texts or ids to be continued."""
        is_several = isinstance(self.prompt, list) and not isinstance(self.prompt[0], int)
        return list(self.prompt) if is_several else [self.prompt]

    def check(self) -> None:
        """Raise `RefusedError` if one parameter contradicts another."""
        if self.stream_options and not self.stream:
            raise RefusedError(400, "stream_options has no effect without stream", "stream_options")
        size = len(self.prompts) * self.max_tokens + self.echo * sum(map(len, self.prompts))
        if size > MAX_SIZE:
            limits = f"at most {MAX_SIZE} tokens for all prompts together, including characters of echo"
            raise RefusedError(400, f"max_tokens: {limits}", "max_tokens")

    def settings(self) -> Settings:
        sampler = f"temperature:temperature={self.temperature}"
        if self.top_p < 1:
            sampler = f"top-p:p={self.top_p},temperature={self.temperature}"
        return Settings(
            max_tokens=self.max_tokens,
            sampler=sampler if self.temperature else "greedy",
            seed=self.seed,
            stop=(self.stop,) if isinstance(self.stop, str) else tuple(self.stop or ()),
            num_top=self.logprobs,
            echo=self.echo,
        )


async def asked_by(request: Request) -> Asked:
    """Return what a request asks; raises `RefusedError` if that is not valid or not supported."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise RefusedError(415, "send Content-Type: application/json")
    try:
        given = from_json(await request.body(), allow_inf_nan=False)
    except ValueError as error:
        raise RefusedError(400, f"the body is not JSON: {error}") from None
    if not isinstance(given, dict):
        raise RefusedError(400, "the body must be a JSON object")
    known = {name: value for name, value in given.items() if name in Asked.model_fields and value is not None}
    for name, value in given.items():
        if name not in Asked.model_fields and (name not in NEUTRAL or value not in (None, NEUTRAL[name])):
            raise RefusedError(400, f"{name[:99]!r} is not supported: leave it out", name[:99])
    try:
        asked = Asked.model_validate(known)
    except ValidationError as error:
        first = error.errors()[0]
        param = str(first["loc"][0])
        raise RefusedError(400, f"{param}: {EXPLAINED.get(param, first['msg'])}", param) from None
    asked.check()
    return asked


Parts = AsyncGenerator[tuple[int, list[dict[str, Any]]], None]
"""Some parts of completions, with the number of their completion."""


class Api:
    """The application, without its guard."""

    def __init__(self, models: Client, folders: Sequence[Path]) -> None:
        self._models, self._num_open = models, 0
        self._runs = {name: _made(folder) for name, folder in zip(names_of(folders), folders, strict=True)}
        """When each run was made, by its name."""

    async def list_models(self, _: Request) -> Response:
        return Answer({"object": "list", "data": [self._model(name) for name in self._runs]})

    async def show_model(self, request: Request) -> Response:
        return Answer(self._model(self._known(request.path_params["model"])))

    def _known(self, name: str) -> str:
        if name in self._runs:
            return name
        reason = f"unknown model {name!r}; the models are: {', '.join(self._runs)}"
        raise RefusedError(404, reason, "model", "model_not_found")

    def _model(self, name: str) -> dict[str, Any]:
        return {"id": name, "object": "model", "created": self._runs[name], "owned_by": "textgen"}

    async def complete(self, request: Request) -> Response:
        asked = await asked_by(request)
        if not asked.model and len(self._runs) > 1:
            raise RefusedError(400, f"give a model: {', '.join(self._runs)}", "model")
        model = self._known(asked.model or next(iter(self._runs)))
        if self._num_open >= MAX_STREAMS:
            raise RefusedError(429, f"{MAX_STREAMS} requests are in progress; wait")
        usage = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
        parts = self._parts(asked, list(self._runs).index(model), usage)
        head = {
            "id": f"cmpl-{secrets.token_hex(12)}",
            "object": "text_completion",
            "created": int(time.time()),
            "model": model,
        }
        if asked.stream:
            first = await anext(parts)  # so that what is refused has its status
            events = self._events(asked, head, usage, first, parts)
            return StreamingResponse(events, media_type="text/event-stream")
        said: list[list[dict[str, Any]]] = [[] for _ in asked.prompts]
        async with aclosing(parts):
            async for number, some in parts:
                said[number] += some
                if await request.is_disconnected():
                    raise ClientDisconnect
        choices = [choice(number, each, asked.logprobs is not None) for number, each in enumerate(said)]
        return Answer({**head, "choices": choices, "usage": usage})

    async def _parts(self, asked: Asked, index: int, usage: dict[str, int]) -> Parts:
        """Yield the parts of all completions, one after the other, and count their tokens."""
        self._num_open += 1
        try:
            for number, prompt in enumerate(asked.prompts):
                name, is_over = secrets.token_hex(8), False
                try:
                    num_read = await self._begin(name, index, prompt, asked.settings())
                    usage["prompt_tokens"] += num_read
                    while not is_over:
                        parts, is_over = await self._advance(name)
                        usage["completion_tokens"] += sum(part["num_written"] for part in parts)
                        usage["total_tokens"] = usage["prompt_tokens"] + usage["completion_tokens"]
                        if parts:  # which a turn that only ends it has not
                            yield number, parts
                finally:
                    if not is_over:
                        self._models.forget(name)
        finally:
            self._num_open -= 1

    async def _begin(self, name: str, index: int, prompt: str | list[int], settings: Settings) -> int:
        try:
            return await self._models.do(model_process.complete, name, index, prompt, settings)
        except DiedError:
            raise
        except TextgenError as error:
            raise RefusedError(400, f"prompt: {error}", "prompt") from None

    async def _advance(self, name: str) -> tuple[list[dict[str, Any]], bool]:
        try:
            return await self._models.do(model_process.advance, name)
        except TextgenError as error:  # not the request's: it was accepted
            raise RefusedError(503, str(error)) from None

    async def _events(
        self,
        asked: Asked,
        head: dict[str, Any],
        usage: dict[str, int],
        first: tuple[int, list[dict[str, Any]]],
        parts: Parts,
    ) -> AsyncIterator[str]:
        """Yield one event for each part, finally the usage if it is wanted, and the end."""
        has_usage = asked.stream_options is not None and asked.stream_options.include_usage
        more = {"usage": None} if has_usage else {}

        def events(number: int, some: list[dict[str, Any]]) -> str:
            said = [choice(number, [part], asked.logprobs is not None) for part in some]
            return "".join(event({**head, "choices": [each], **more}) for each in said)

        async with aclosing(parts):
            try:
                yield events(*first)
                async for number, some in parts:
                    yield events(number, some)
                if has_usage:
                    yield event({**head, "choices": [], "usage": usage})
                yield "data: [DONE]\n\n"
            except Exception as error:  # too late for a status
                yield event({"error": refusal(error).values()})


TOLD = {"tokens": "text", "token_logprobs": "logprob", "top_logprobs": "top", "text_offset": "begin"}
"""What the API calls the fields of a `Token`."""


def choice(number: int, parts: Sequence[dict[str, Any]], is_told: bool) -> dict[str, Any]:
    """Return parts of a completion as a choice of the API, with log-probabilities if they are told."""
    tokens = [token for part in parts for token in part["tokens"]]
    told = {name: [token[key] for token in tokens] for name, key in TOLD.items()}
    return {
        "index": number,
        "text": "".join(part["text"] for part in parts),
        "logprobs": told if is_told else None,
        "finish_reason": parts[-1]["finish_reason"],
    }


def names_of(folders: Sequence[Path]) -> list[str]:
    """Return the names of runs: those of their folders, and a number with those that are taken."""
    names: list[str] = []
    for folder in folders:
        name = folder.absolute().name
        others = chain([name], (f"{name}-{number}" for number in count(2)))
        names.append(next(other for other in others if other not in names))
    return names


def _made(folder: Path) -> int:
    return int((folder / RUN_FILE).stat().st_mtime)


STATUSES = {DiedError: 503, TextgenError: 400, ClientDisconnect: 400}
"""Those of errors that are not the API's own; of several classes, the first counts."""


def refusal(error: Exception) -> RefusedError:
    """Return any error as the API words it; one that is not expected is noted."""
    if isinstance(error, RefusedError):
        return error
    if isinstance(error, HTTPException):
        other = "only /v1/completions and /v1/models are served: these models complete text"
        return RefusedError(error.status_code, other if error.status_code == 404 else error.detail)
    status = next((number for kind, number in STATUSES.items() if isinstance(error, kind)), 500)
    said = str(error) if isinstance(error, TextgenError) else one_line(error)
    if status == 500:
        note(f"error: {said}")
    return RefusedError(status, said)


async def _explain(_: Request, error: Exception) -> Response:
    refused, headers = refusal(error), dict(getattr(error, "headers", None) or {})
    if refused.status in (429, 503):
        headers["Retry-After"] = "1"
    return refused.response(headers)


def application(models: Client, folders: Sequence[Path], key: str) -> Starlette:
    """Return the application, for those who have the key."""
    api = Api(models, folders)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        models.close()

    app = Starlette(
        routes=[
            Route("/v1/models", api.list_models, methods=["GET"]),
            Route("/v1/models/{model:path}", api.show_model, methods=["GET"]),
            Route("/v1/completions", api.complete, methods=["POST"]),
        ],
        middleware=[Middleware(KeyGuard, key=key)],
        exception_handlers=dict.fromkeys((RefusedError, HTTPException, *STATUSES, Exception), _explain),
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False
    return app


def serve(
    models: Client,
    folders: Sequence[Path],
    key: str,
    on_open: Callable[[str, list[str]], None],
    *,
    host: str,
    port: int | None,
) -> None:
    """Serve runs until interrupted; `on_open` is told the address and the names of the models.

    Without a port it is `PORT`, or any free one.
    """
    listening = listen(port, PORT, host)
    models.wait()
    name = f"[{host}]" if ":" in host else host
    on_open(f"http://{name}:{listening.getsockname()[1]}/v1", names_of(folders))
    answer(application(models, folders, key), listening)
