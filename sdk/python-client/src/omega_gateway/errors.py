"""What the gateway, or the way to it, can say instead of an answer. What never happens here: a token in a message."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from .types import ErrorCode

if TYPE_CHECKING:
    from .types import InvokeAnswer, ValidationReport

#: What this client finds out by itself; every other code is the gateway's.
#:
#: ``connection_refused``: no connection came about, so nothing was sent. ``connection_lost``: it ended before the
#: answer did, and what was asked for may have been done. ``client_timeout``: the time was over; a call that was under
#: way is ended by the gateway and journalled as ``interrupted``. ``answer_unexpected``: what answers does not speak as
#: the gateway does. ``client_misuse``: the client was set up in a way that cannot work or is not safe.
ClientErrorCode: TypeAlias = Literal[
    "connection_refused", "connection_lost", "client_timeout", "answer_unexpected", "client_misuse"
]

#: Every code. A newer gateway may send others still.
GatewayErrorCode: TypeAlias = ErrorCode | ClientErrorCode

_HINTS: Final[dict[GatewayErrorCode, str]] = {
    "connection_refused": "See that the server runs and that the address is right.",
    "connection_lost": "Look at the run before sending it again: it may have been done.",
    "client_timeout": "Give it more time with `timeout_s`; of a call, the run tells what became of it.",
    "answer_unexpected": "See that the address is that of `omega serve`, and what stands between.",
    "client_misuse": "Read the message.",
}


class GatewayError(Exception):
    """A refusal, or a failure. ``code`` says which; type checkers know every code there is."""

    def __init__(
        self,
        code: GatewayErrorCode,
        message: str,
        *,
        hint: str | None = None,
        status: int | None = None,
        event_index: int | None = None,
        report: ValidationReport | None = None,
        response: InvokeAnswer | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(f"{code}: {message}")
        #: The stable code.
        self.code: GatewayErrorCode = code
        #: What a person can do about it, in one sentence.
        self.hint: str = _HINTS.get(code, "") if hint is None else hint
        #: The HTTP status; none where there was no answer.
        self.status = status
        #: The index of the ledger's event that records it, where one does.
        self.event_index = event_index
        #: What validation found, where a package was refused.
        self.report = report
        #: The whole answer, where a call was refused and has an outcome in the ledger.
        self.response = response
        #: How long the server asks to be left alone, where it says so.
        self.retry_after_s = retry_after_s
        #: How often it was tried.
        self.attempts = 1
        #: The run of the call, where it was one: ``get_run(run_id)`` tells what became of it.
        self.run_id: str | None = None
        #: The request id of the call, where it was one.
        self.request_id: str | None = None
