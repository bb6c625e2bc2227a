"""The gateway for asyncio: each operation under its name in the contract. What never happens here: a decision."""

from __future__ import annotations

import asyncio
import os
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

import httpx

from . import _calls
from ._attempts import Attempts, Retry
from ._following import Following, FollowOptions
from ._wire import STREAM_TYPE, Call, Content, Reply, base_of, check_token, expect_type, refusal
from .client import RETRIES_DEFAULT, TIMEOUT_S_DEFAULT
from .errors import GatewayError

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncGenerator, Callable, Sequence
    from types import TracebackType

    from typing_extensions import Self

    from .types import (
        Artifact,
        EventKind,
        EventPage,
        InvokeAnswer,
        InvokeRequest,
        LaneKind,
        Payload,
        PipelineAnswer,
        PipelinePolicy,
        PlacedEvent,
        PluginDetails,
        PluginInfo,
        PluginManifest,
        PluginPage,
        PluginStatus,
        ProofBundle,
        ValidationReport,
    )

T = TypeVar("T")

_PIECE_BYTES: Final = 64 * 1024


class AsyncPluginGateway:
    """A gateway that ``omega serve`` serves. One is enough for a whole event loop.

    ``url`` is https, but for loopback addresses. ``timeout_s`` holds for each operation, repetitions included;
    something is tried again ``retries`` times at most, where that is safe, and ``on_retry`` is told before. Proxies and
    ``SSL_CERT_FILE`` of the environment are used, but never for this machine's own addresses. A task that is
    cancelled ends its call, in the gateway too, where it is journalled as ``interrupted``.
    """

    def __init__(
        self,
        url: str,
        token: str,
        *,
        timeout_s: float = TIMEOUT_S_DEFAULT,
        retries: int = RETRIES_DEFAULT,
        on_retry: Callable[[Retry], None] | None = None,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        self._base, loopback = base_of(url)
        self._timeout_s = timeout_s
        self._retries = retries
        self._on_retry = on_retry
        self._http = httpx.AsyncClient(
            headers=_calls.headers_of(check_token(token)),
            verify=ssl_context if ssl_context is not None else True,
            # A proxy would get to see the token in the clear.
            trust_env=not loopback,
            follow_redirects=False,
        )

    async def aclose(self) -> None:
        """Ends its connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def validate_manifest(
        self, manifest: PluginManifest | str | bytes, *, timeout_s: float | None = None, traceparent: str | None = None
    ) -> ValidationReport:
        """Check a manifest: every issue at once. Bytes are checked as they are; an object is written as JSON first."""
        return await self._send(_calls.validate_manifest(manifest), timeout_s, traceparent)

    async def register_plugin(
        self, package_tar: Content, *, timeout_s: float | None = None, traceparent: str | None = None
    ) -> PluginInfo:
        """Admit a signed package: a tar archive, not compressed. The same again changes nothing. Scope ``publish``."""
        return await self._send(_calls.register_plugin(package_tar), timeout_s, traceparent)

    async def enable_plugin(
        self,
        plugin_id: str,
        version: str | None = None,
        *,
        timeout_s: float | None = None,
        traceparent: str | None = None,
    ) -> PluginInfo:
        """Let a version take calls, the highest where none is named. Idempotent. Scope ``publish``."""
        return await self._send(_calls.enable_plugin(plugin_id, version), timeout_s, traceparent)

    async def disable_plugin(
        self, plugin_id: str, *, timeout_s: float | None = None, traceparent: str | None = None
    ) -> PluginInfo:
        """Let a plugin take no more calls; those in flight finish. Idempotent. Scope ``publish``."""
        return await self._send(_calls.disable_plugin(plugin_id), timeout_s, traceparent)

    async def list_plugins(
        self,
        *,
        plugin: str | None = None,
        status: PluginStatus | None = None,
        lane: LaneKind | None = None,
        limit: int | None = None,
        cursor: str | None = None,
        timeout_s: float | None = None,
    ) -> PluginPage:
        """One page of the plugins, by id, then version. Scope ``read``."""
        return await self._send(_calls.list_plugins(plugin, status, lane, limit, cursor), timeout_s)

    async def plugins(
        self,
        *,
        plugin: str | None = None,
        status: PluginStatus | None = None,
        lane: LaneKind | None = None,
        limit: int | None = None,
    ) -> AsyncGenerator[PluginInfo, None]:
        """Every plugin, page by page."""
        cursor: str | None = None
        while True:
            page = await self.list_plugins(plugin=plugin, status=status, lane=lane, limit=limit, cursor=cursor)
            for info in page["plugins"]:
                yield info
            cursor = page["next"]
            if cursor is None:
                return

    async def get_plugin(
        self, plugin_id: str, version: str | None = None, *, timeout_s: float | None = None
    ) -> PluginDetails:
        """All that is known of a plugin: the version named, else the enabled one, else the highest. Scope ``read``."""
        return await self._send(_calls.get_plugin(plugin_id, version), timeout_s)

    async def invoke(
        self,
        plugin_id: str,
        request: InvokeRequest | Payload,
        *,
        timeout_s: float | None = None,
        traceparent: str | None = None,
    ) -> InvokeAnswer:
        """Call a plugin. Ids that are left out are drawn here. Scope ``invoke``.

        What the plugin itself made of it, an error too, is an answer with its ``status``; where the gateway refuses the
        call, a :class:`GatewayError` is raised.
        """
        return await self._send(_calls.invoke(plugin_id, request), timeout_s, traceparent)

    async def invoke_pipeline(
        self,
        policy: PipelinePolicy,
        request: InvokeRequest | Payload,
        *,
        timeout_s: float | None = None,
        traceparent: str | None = None,
    ) -> PipelineAnswer:
        """Call several plugins. What each step came to stands in it. Scope ``invoke``."""
        return await self._send(_calls.invoke_pipeline(policy, request), timeout_s, traceparent)

    async def export_proof(
        self, run_id: str, *, timeout_s: float | None = None, traceparent: str | None = None
    ) -> ProofBundle:
        """The proof of a run, which anybody can verify offline with the log's key. It is an event of the run."""
        return await self._send(_calls.export_proof(run_id), timeout_s, traceparent)

    async def get_run(
        self, run_id: str, *, limit: int | None = None, cursor: str | None = None, timeout_s: float | None = None
    ) -> EventPage:
        """The events of a run, oldest first. Scope ``read``."""
        return await self._send(_calls.get_run(run_id, limit, cursor), timeout_s)

    async def query_events(
        self,
        *,
        run: str | None = None,
        plugin: str | None = None,
        kinds: Sequence[EventKind] = (),
        from_index: int | None = None,
        to_index: int | None = None,
        newest_first: bool = False,
        limit: int | None = None,
        cursor: str | None = None,
        timeout_s: float | None = None,
    ) -> EventPage:
        """One page of the ledger. Scope ``read``."""
        order = "desc" if newest_first else None
        return await self._send(
            _calls.query_events(run, plugin, kinds, from_index, to_index, order, limit, cursor), timeout_s
        )

    async def events(
        self,
        *,
        from_index: int | None = None,
        run: str | None = None,
        plugin: str | None = None,
        kinds: Sequence[EventKind] = (),
        options: FollowOptions | None = None,
    ) -> AsyncGenerator[PlacedEvent, None]:
        """The ledger's events as they happen, from any index on; without one, from now on.

        Connections that end are made again, and no event is left out or comes twice. It ends when the loop is
        left; ``contextlib.aclosing`` then ends the connection at once.
        """
        options = options or FollowOptions()
        start = await self._send(_calls.newest_event(), None) if from_index is None else from_index
        following = Following(start, _calls.follow_query(run, plugin, kinds), options)
        while True:
            try:
                async with aclosing(self._pieces(following, options)) as pieces:
                    async for piece in pieces:
                        for placed in following.take(piece):
                            yield placed
                pause_s = following.ended()
            except (httpx.HTTPError, GatewayError) as error:
                pause_s = following.failed(error)
            await asyncio.sleep(pause_s)

    async def get_checkpoint(self, *, timeout_s: float | None = None) -> str:
        """The newest checkpoint of the ledger: a C2SP signed note. Scope ``read``."""
        return await self._send(_calls.get_checkpoint(), timeout_s)

    async def put_artifact(
        self, content: Content, *, sha256: str | None = None, timeout_s: float | None = None
    ) -> Artifact:
        """Store bytes, or a file, which ``binary_ref_payload`` then names. Scope ``invoke``."""
        # A large file takes a while to hash.
        call = await asyncio.to_thread(_calls.put_artifact, content, sha256)
        return await self._send(call, timeout_s)

    async def get_artifact(self, sha256: str, *, timeout_s: float | None = None) -> bytes:
        """Bytes that the gateway holds, compared with their hash. Scope ``read``, of a token for every plugin."""
        return await self._send(_calls.get_artifact(sha256), timeout_s)

    async def has_artifact(self, sha256: str, *, timeout_s: float | None = None) -> bool:
        """Whether the gateway holds these bytes. Scope ``read``, of a token for every plugin."""
        try:
            await self._send(_calls.has_artifact(sha256), timeout_s)
        except GatewayError as error:
            if _calls.is_absent(error):
                return False
            raise
        return True

    async def _send(self, call: Call[T], timeout_s: float | None, traceparent: str | None = None) -> T:
        """Send it, again where that is safe."""
        time_s = max(self._timeout_s, call.timeout_s_min) if timeout_s is None else timeout_s
        attempts = Attempts(call.repeatable, time_s, self._retries, self._on_retry)
        try:
            while True:
                try:
                    return call.read(await self._reply(call, attempts, traceparent))
                except (httpx.HTTPError, GatewayError) as error:
                    await asyncio.sleep(attempts.pause_after(error))
        except GatewayError as error:
            _calls.name_call(error, call.ids)
            raise

    async def _reply(self, call: Call[T], attempts: Attempts, traceparent: str | None) -> Reply:
        request = self._http.build_request(
            call.method,
            self._base + call.path,
            params=list(call.query) or None,
            headers=call.headers(traceparent),
            content=_file_pieces(call.content) if isinstance(call.content, os.PathLike) else call.content,
            timeout=attempts.time_left_s(),
        )
        response = await self._http.send(request, stream=True)
        try:
            body = bytearray()
            async for piece in response.aiter_bytes():
                body += piece
                # A body that drips in gets no more time than one that stalls.
                attempts.time_left_s()
        finally:
            await response.aclose()
        reply = Reply(response.status_code, response.headers, bytes(body))
        if not response.is_success:
            raise refusal(reply)
        return reply

    async def _pieces(self, following: Following, options: FollowOptions) -> AsyncGenerator[bytes, None]:
        call = following.connect()
        async with self._http.stream(
            call.method,
            self._base + call.path,
            params=list(call.query),
            headers=call.headers(),
            timeout=options.idle_s,
        ) as response:
            if not response.is_success:
                raise refusal(Reply(response.status_code, response.headers, await response.aread()))
            expect_type(response.headers, response.status_code, STREAM_TYPE)
            following.connected()
            async for piece in response.aiter_raw():
                yield piece


async def _file_pieces(path: os.PathLike[str]) -> AsyncGenerator[bytes, None]:
    # A disk may be slow; the loop goes on meanwhile.
    with await asyncio.to_thread(Path(path).open, "rb") as file:
        while piece := await asyncio.to_thread(file.read, _PIECE_BYTES):
            yield piece
