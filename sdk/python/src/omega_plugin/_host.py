"""The way out of the sandbox: four questions to the gateway's brokers, the log and the progress.

In a worker the protocol's stream answers them, in a test the harness. One host at a time, for all threads of the process.
What never happens here: a question that is answered by anything else.
"""

from __future__ import annotations

from typing import Literal, NoReturn, Protocol, TypeAlias

from ._refusal import BrokerError

#: How much a log line matters.
Level: TypeAlias = Literal["debug", "info", "warn", "error"]


class Host(Protocol):
    """Who answers."""

    def artifact_size(self, artifact_id: str) -> int:
        """How long an artifact is, in bytes."""

    def artifact_read(self, artifact_id: str, offset: int, length: int) -> bytes:
        """Up to so many bytes from there."""

    def dataset_count(self) -> int:
        """How many rows the request's slice has."""

    def dataset_read(self, first: int, rows_max: int) -> list[str]:
        """Up to so many rows, each a JSON object as text."""

    def log(self, level: Level, message: str) -> None:
        """Keep a line."""

    def progress(self, done: float, message: str) -> None:
        """Tell how far the call is."""


class Nobody:
    """The host where no call is under way: while the program is imported, and outside of tests."""

    def _refuse(self) -> NoReturn:
        raise BrokerError("failed", "there is no broker here: a broker answers during a call, or within a test's `run`")

    def artifact_size(self, artifact_id: str) -> int:  # noqa: ARG002 - says no
        self._refuse()

    def artifact_read(self, artifact_id: str, offset: int, length: int) -> bytes:  # noqa: ARG002 - says no
        self._refuse()

    def dataset_count(self) -> int:
        self._refuse()

    def dataset_read(self, first: int, rows_max: int) -> list[str]:  # noqa: ARG002 - says no
        self._refuse()

    def log(self, level: Level, message: str) -> None:
        """Drop it."""

    def progress(self, done: float, message: str) -> None:
        """Drop it."""


_host: Host = Nobody()


def host() -> Host:
    """Who answers now."""
    return _host


def install(host: Host) -> Host:
    """Put another host in place; gives the one before."""
    global _host
    before, _host = _host, host
    return before
