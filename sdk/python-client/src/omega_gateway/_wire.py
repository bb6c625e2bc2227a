"""Requests and answers as data: where they go, what they carry, how they are read. No connection is made here.

What never happens here: a token that is sent in the clear to another machine.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Generic, TypeAlias, TypeVar
from urllib.parse import quote, urlsplit

from ._attempts import Repeatable, retry_after_s
from .errors import GatewayError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import httpx

    from .types import Problem

T = TypeVar("T")

#: Bytes, or a file's path, which is sent without being read into memory.
Content: TypeAlias = "bytes | os.PathLike[str]"

JSON_TYPE: Final = "application/json"
STREAM_TYPE: Final = "text/event-stream"
_PROBLEM_TYPE: Final = "application/problem+json"


@dataclass(frozen=True)
class Reply:
    """An answer that is there to the end."""

    status: int
    headers: httpx.Headers
    body: bytes


@dataclass(frozen=True)
class Call(Generic[T]):
    """One request, and how its answer is read."""

    method: str
    path: str
    repeatable: Repeatable
    read: Callable[[Reply], T]
    query: Sequence[tuple[str, str]] = ()
    content: Content | None = None
    type: str | None = None
    accept: str = JSON_TYPE
    #: What it needs at least.
    timeout_s_min: float = 0.0
    #: The run and the request, where it is a call of a plugin.
    ids: tuple[str, str] | None = None
    more_headers: Mapping[str, str] = field(default_factory=dict)

    def headers(self, traceparent: str | None = None) -> dict[str, str]:
        """What goes with it, but for the token."""
        headers = {"accept": self.accept, **self.more_headers}
        if self.type is not None:
            headers["content-type"] = self.type
        if traceparent is not None:
            headers["traceparent"] = traceparent
        if isinstance(self.content, os.PathLike):
            headers["content-length"] = str(os.stat(self.content).st_size)
        return headers


def base_of(url: str) -> tuple[str, bool]:
    """The address without its last slash, and whether it is this machine's."""
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname or "", parts.port
    except ValueError as error:
        raise GatewayError("client_misuse", f"`{url}` is no URL") from error
    loopback = host in ("127.0.0.1", "::1", "localhost")
    if not host or not (parts.scheme == "https" or (parts.scheme == "http" and loopback)):
        raise GatewayError("client_misuse", f"`{url}`: a token is sent over https, or over http to this machine alone")
    if parts.username is not None or parts.query or parts.fragment:
        raise GatewayError("client_misuse", "the address has a user, a query or a fragment")
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}", loopback


def check_token(token: str) -> str:
    """The token, if it can be one."""
    if re.fullmatch(r"[\x21-\x7e]+", token) is None:
        raise GatewayError("client_misuse", "the token is empty, or has characters that no token has")
    return token


def segment(name: str) -> str:
    """A name as one segment of a path; a ``:`` in it is ``%3A``, since behind one stands what is to be done."""
    if name in ("", ".", ".."):
        raise GatewayError("client_misuse", f"`{name}` cannot stand in a path")
    return quote(name, safe="")


def read_json(reply: Reply) -> object:
    """A JSON answer. Its shape is the document's: what answers is the gateway, with which this client shares it."""
    expect_type(reply.headers, reply.status, JSON_TYPE)
    try:
        document: object = json.loads(reply.body)
    except ValueError as error:
        raise GatewayError("answer_unexpected", "the answer is not JSON", status=reply.status) from error
    return document


def read_text(reply: Reply) -> str:
    """An answer of plain text."""
    expect_type(reply.headers, reply.status, "text/plain")
    return reply.body.decode()


def expect_type(headers: httpx.Headers, status: int, expected: str) -> None:
    """Refuses an answer of another media type."""
    found = media_type(headers)
    if found != expected:
        message = f"the answer is {found or 'of no type'}, not {expected}"
        raise GatewayError("answer_unexpected", message, status=status)


def media_type(headers: httpx.Headers) -> str:
    """The media type without its parameters."""
    kind: str = headers.get("content-type", "")
    return kind.split(";", 1)[0].strip().lower()


def refusal(reply: Reply) -> GatewayError:
    """What an answer says that is no success."""
    wait_s = retry_after_s(reply.headers.get("retry-after"))
    problem = _problem(reply) if media_type(reply.headers) == _PROBLEM_TYPE else None
    if problem is None:
        kind = reply.headers.get("content-type", "no content")
        message = f"status {reply.status} without problem details ({kind})"
        return GatewayError("answer_unexpected", message, status=reply.status, retry_after_s=wait_s)
    return GatewayError(
        problem["code"],
        problem["detail"] or problem["title"],
        hint=problem["hint"],
        status=reply.status,
        event_index=problem.get("event_index"),
        report=problem.get("report"),
        response=problem.get("response"),
        retry_after_s=wait_s,
    )


def _problem(reply: Reply) -> Problem | None:
    try:
        document = json.loads(reply.body)
    except ValueError:
        return None
    texts = ("code", "title", "detail", "hint")
    if not isinstance(document, dict) or not all(isinstance(document.get(name), str) for name in texts):
        return None
    problem: Problem = document  # type: ignore[assignment] # what is read of it was looked at above
    return problem
