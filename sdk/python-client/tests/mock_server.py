"""A server that answers as a test says, for what the real one does not do on demand; and both clients as one."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal, TypeAlias

from omega_gateway import AsyncPluginGateway, GatewayError, PluginGateway, Retry

TOKEN = "omega_a-token-that-is-never-shown"
HASH = "b22f230e39accd0dd1c69a828f56ff37cb72542dc07dc195dc1b4054b4330f28"
ANSWER = {
    "request_id": "q",
    "run_id": "r",
    "plugin_id": "hello",
    "status": "ok",
    "result": {"kind": "text", "content": "Hello, Ada!", "encoding": "utf-8", "metadata": {}},
    "evidence_hashes": {"input_hash": HASH, "output_hash": HASH},
    "duration_ms": 1,
    "notes": "",
    "reason": None,
    "event_index": 4,
    "event_hash": HASH,
}

#: How a test answers: with the handler, on its own thread.
Answer: TypeAlias = Callable[[BaseHTTPRequestHandler], None]


@dataclass(frozen=True)
class Seen:
    """One request."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass
class Mock:
    """A running mock."""

    url: str
    seen: list[Seen] = field(default_factory=list)
    #: Set when the mock ends: what waits, waits for it.
    over: threading.Event = field(default_factory=threading.Event)


@contextmanager
def mock(*answers: Answer, port: int = 0) -> Iterator[Mock]:
    """Answers the first request with the first answer, and so on; the last one again and again."""
    seen: list[Seen] = []
    over = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        mock_is_over = over

        def handle_one(self) -> None:
            length = self.headers.get("content-length")
            body = self.rfile.read(int(length)) if length is not None else b""
            lower = {name.lower(): value for name, value in self.headers.items()}
            seen.append(Seen(self.command, self.path, lower, body))
            answers[min(len(seen), len(answers)) - 1](self)

        do_GET = do_HEAD = do_POST = do_PUT = handle_one  # noqa: N815 - the base class names them so

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
            """Says nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False

        def handle_error(self, request: object, client_address: object) -> None:
            """Clients go away here on purpose."""

    with Server(("127.0.0.1", port), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield Mock(f"http://127.0.0.1:{server.server_port}", seen, over)
        finally:
            over.set()
            server.shutdown()
            thread.join()


def json_answer(body: object, status: int = 200, **headers: str) -> Answer:
    """An answer of JSON; the names of headers with `_` for `-`."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        data = json.dumps(body).encode()
        handler.send_response(status)
        for name, value in {"content_type": "application/json", **headers}.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("content-length", str(len(data)))
        handler.end_headers()
        if handler.command != "HEAD":
            handler.wfile.write(data)

    return answer


def problem(status: int, code: str, more: Mapping[str, object] | None = None, **headers: str) -> Answer:
    """Problem details."""
    body = {
        "type": f"urn:omega:error:{code}",
        "title": "T.",
        "status": status,
        "detail": "D",
        "code": code,
        "hint": "H.",
    }
    return json_answer({**body, **(more or {})}, status, content_type="application/problem+json", **headers)


def hang_up(handler: BaseHTTPRequestHandler) -> None:
    """Ends the connection without a word."""
    handler.close_connection = True


def silence(handler: BaseHTTPRequestHandler) -> None:
    """Never answers."""
    handler.close_connection = True
    over: threading.Event = getattr(handler, "mock_is_over")  # noqa: B009 - mypy does not know the subclass
    over.wait(30)


def drip(handler: BaseHTTPRequestHandler) -> None:
    """Answers, a byte at a time, without end."""
    handler.send_response(200)
    handler.send_header("content-type", "application/json")
    handler.end_headers()
    handler.close_connection = True
    over: threading.Event = getattr(handler, "mock_is_over")  # noqa: B009 - as above
    while not over.wait(0.01):
        handler.wfile.write(b" ")
        handler.wfile.flush()


def stream(text: str | bytes, *, piece: int = 0, stays: bool = False) -> Answer:
    """The beginning of an event stream, in pieces; it ends there, or says no more."""
    data = text if isinstance(text, bytes) else text.encode()

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("content-type", "text/event-stream")
        handler.end_headers()
        handler.close_connection = True
        for at in range(0, len(data), piece or len(data)):
            handler.wfile.write(data[at : at + (piece or len(data))])
            handler.wfile.flush()
        if stays:
            silence(handler)

    return answer


@dataclass
class Client:
    """One of the two clients; a test that takes it runs with each."""

    kind: Literal["sync", "async"]
    retries: list[Retry] = field(default_factory=list)

    def ask(self, url: str, operation: str, *words: object, **options: object) -> object:
        """What an operation gives."""
        settings = {name: options.pop(name) for name in ("timeout_s", "retries") if name in options}
        on_retry = options.pop("on_retry", self.retries.append)
        if self.kind == "sync":
            with PluginGateway(url, TOKEN, on_retry=on_retry, **settings) as gateway:  # type: ignore[arg-type]
                given: object = getattr(gateway, operation)(*words, **options)
                return given

        async def ask() -> object:
            async with AsyncPluginGateway(url, TOKEN, on_retry=on_retry, **settings) as gateway:  # type: ignore[arg-type]
                given: object = await getattr(gateway, operation)(*words, **options)
                return given

        return asyncio.run(ask())

    def take(self, url: str, count: int, operation: str = "events", **options: object) -> Sequence[object]:
        """The first of what an operation gives one by one."""
        taken: list[object] = []
        if self.kind == "sync":
            with PluginGateway(url, TOKEN) as gateway:
                for one in getattr(gateway, operation)(**options):
                    taken.append(one)
                    if len(taken) == count:
                        break
            return taken

        async def take() -> None:
            async with AsyncPluginGateway(url, TOKEN) as gateway:
                async for one in getattr(gateway, operation)(**options):
                    taken.append(one)
                    if len(taken) == count:
                        break

        asyncio.run(take())
        return taken

    def failure(self, url: str, operation: str, *words: object, **options: object) -> GatewayError:
        """How an operation fails."""
        try:
            given = self.ask(url, operation, *words, **options)
        except GatewayError as error:
            return error
        raise AssertionError(f"it went well: {given}")
