"""What may be asked again, and when: the rules alone, without a wire.

What never happens here: a call that runs twice. A call carries its run and request id, by which the gateway refuses a
repetition (``duplicate_request``); what has no such id is repeated only where it is known that nothing was sent.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final, Literal, NoReturn, TypeAlias

import httpx

from .errors import GatewayError

if TYPE_CHECKING:
    from collections.abc import Callable

#: What it would mean to do the same again. ``harmless``: nothing, it reads or stores bytes under their hash.
#: ``claimed``: the gateway refuses it if it ran, as it bears a run id and a request id.
#: ``once``: it might be done twice.
Repeatable: TypeAlias = Literal["harmless", "claimed", "once"]

#: The first pause where the server names none; it doubles from try to try.
_PAUSE_S_MIN: Final = 0.2
#: The longest such pause.
_PAUSE_S_MAX: Final = 5.0


@dataclass(frozen=True)
class Retry:
    """Something that is going to be tried again."""

    #: Why.
    error: GatewayError
    #: How often it was tried.
    attempt: int
    #: In how many seconds it is tried again.
    pause_s: float


class Attempts:
    """The tries of one operation: how much time is left, and whether there is another."""

    def __init__(
        self, repeatable: Repeatable, timeout_s: float, retries: int, on_retry: Callable[[Retry], None] | None
    ) -> None:
        self._repeatable = repeatable
        self._timeout_s = timeout_s
        self._until = time.monotonic() + timeout_s
        self._retries = retries
        self._on_retry = on_retry
        self._attempt = 1

    def time_left_s(self) -> float:
        """Seconds that are left; where there are none, it is over."""
        left = self._until - time.monotonic()
        if left <= 0:
            raise httpx.ReadTimeout("the time is over")
        return left

    def pause_after(self, thrown: Exception) -> float:
        """How long to wait before the next try; raises where there is none."""
        error = self._error(thrown)
        error.attempts = self._attempt
        pause_s = None if self._attempt > self._retries else pause_before_repeat(error, self._repeatable, self._attempt)
        if pause_s is None or time.monotonic() + pause_s >= self._until:
            self._give_up(error, thrown)
        if self._on_retry is not None:
            self._on_retry(Retry(error, self._attempt, pause_s))
        self._attempt += 1
        return pause_s

    def _error(self, thrown: Exception) -> GatewayError:
        if isinstance(thrown, httpx.TimeoutException):
            return GatewayError("client_timeout", f"no answer within {self._timeout_s} s")
        return as_gateway_error(thrown)

    @staticmethod
    def _give_up(error: GatewayError, thrown: Exception) -> NoReturn:
        if error is thrown:
            raise error
        raise error from thrown


def as_gateway_error(thrown: Exception) -> GatewayError:
    """What went wrong on the way to an answer; what is no fault of the way is raised."""
    if isinstance(thrown, GatewayError):
        return thrown
    if isinstance(thrown, httpx.ConnectError | httpx.ConnectTimeout):
        return GatewayError("connection_refused", "no connection to the server")
    if isinstance(thrown, httpx.TransportError):
        return GatewayError("connection_lost", "the connection ended before the answer did")
    if isinstance(thrown, httpx.DecodingError):
        return GatewayError("answer_unexpected", "the answer is not compressed as it says")
    raise thrown


def pause_before_repeat(error: GatewayError, repeatable: Repeatable, attempt: int) -> float | None:
    """How long to wait before the same may be asked again; none where it must not be."""
    if error.code == "connection_refused":
        return backoff_s(attempt)
    if error.code == "connection_lost":
        return backoff_s(attempt) if repeatable == "harmless" else None
    if error.status not in (429, 503) or repeatable == "once":
        return None
    if error.retry_after_s is not None:
        # Those who were told the same number do not all come back in the same moment.
        return error.retry_after_s * random.uniform(1, 1.25)  # noqa: S311 - spreads load, keeps no secret
    return backoff_s(attempt) if repeatable == "harmless" else None


def backoff_s(attempt: int) -> float:
    """Between half and all of a pause that doubles from try to try."""
    return min(_PAUSE_S_MAX, _PAUSE_S_MIN * 2.0 ** (attempt - 1)) * random.uniform(0.5, 1)  # noqa: S311 - as above


def retry_after_s(header: str | None) -> float | None:
    """What ``Retry-After`` says (RFC 9110, section 10.2.3), in seconds from now."""
    if header is None:
        return None
    if header.isascii() and header.isdigit() and len(header) < 10:
        return float(header)
    try:
        date = parsedate_to_datetime(header)
    except ValueError:
        return None
    now = datetime.now(timezone.utc)
    return max(0.0, (date if date.tzinfo else date.replace(tzinfo=timezone.utc)).timestamp() - now.timestamp())
