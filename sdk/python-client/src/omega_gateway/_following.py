"""Where a reader of the event stream stands, from connection to connection: the rules alone, without a wire.

What never happens here: an event that comes twice or is left out, however often the connection ends in between.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ._attempts import as_gateway_error, backoff_s
from ._server_sent_events import Message, MessageReader
from ._wire import STREAM_TYPE, Call, Reply
from .errors import GatewayError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .types import PlacedEvent

_INDEX_MAX: Final = 2**53 - 1


@dataclass(frozen=True)
class FollowOptions:
    """How the stream is followed."""

    #: How often in a row a connection may fail before that is said.
    reconnects: int = 10
    #: Seconds without a byte after which the connection counts as lost: three heartbeats.
    idle_s: float = 45.0


class Following:
    """One reader of the stream."""

    def __init__(self, from_index: int, query: Sequence[tuple[str, str]], options: FollowOptions) -> None:
        self._from = from_index
        self._next = from_index
        self._query = [*query, ("from", str(from_index))]
        self._options = options
        self._reader = MessageReader()
        self._failures = 0
        self._pause_s = 0.0

    def connect(self) -> Call[None]:
        """The request of the next connection."""
        self._reader = MessageReader()
        position = {} if self._next == self._from else {"last-event-id": str(self._next - 1)}
        return Call(
            "GET",
            "/v1/events",
            "harmless",
            _not_read,
            query=self._query,
            accept=STREAM_TYPE,
            # What is compressed is held back.
            more_headers={**position, "accept-encoding": "identity"},
        )

    def connected(self) -> None:
        """The stream has begun."""
        self._failures = 0

    def take(self, piece: bytes) -> list[PlacedEvent]:
        """The events that are new with these bytes."""
        placed = [_placed_event(message) for message in self._reader.push(piece)]
        if self._reader.retry_s is not None:
            self._pause_s = self._reader.retry_s
        new: list[PlacedEvent] = []
        for one in placed:
            if one["index"] >= self._next:
                self._next = one["index"] + 1
                new.append(one)
        return new

    def ended(self) -> float:
        """The server ended the stream, as it does when it stops: how long to wait before going on."""
        self._failures += 1
        return max(self._pause_s, backoff_s(self._failures))

    def failed(self, thrown: Exception) -> float:
        """How long to wait before going on; raises where that will not help, or has not helped often enough."""
        error = as_gateway_error(thrown)
        passing = error.code in ("connection_refused", "connection_lost") or error.status in (429, 502, 503, 504)
        if not passing or self._failures >= self._options.reconnects:
            if error is thrown:
                raise error
            raise error from thrown
        if error.retry_after_s is not None:
            self._pause_s = error.retry_after_s
        return self.ended()


def _not_read(_reply: Reply) -> None:
    return None


def _placed_event(message: Message) -> PlacedEvent:
    index = int(message.id) if message.id is not None and re.fullmatch(r"[0-9]{1,16}", message.id) else _INDEX_MAX + 1
    if index > _INDEX_MAX:
        raise GatewayError("answer_unexpected", "an event without its index")
    try:
        return {"index": index, "event": json.loads(message.data)}
    except ValueError as error:
        raise GatewayError("answer_unexpected", "an event that is not JSON") from error
