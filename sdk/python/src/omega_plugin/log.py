"""Log lines, which the gateway keeps beside the call's evidence up to a bound and drops beyond it."""

from __future__ import annotations

from ._host import Level, host

__all__ = ["Level", "debug", "error", "info", "warn"]


def debug(message: object) -> None:
    """Write a line for whoever works on the plugin."""
    host().log("debug", str(message))


def info(message: object) -> None:
    """Write a line about what happened."""
    host().log("info", str(message))


def warn(message: object) -> None:
    """Write a line that a person may want to look at."""
    host().log("warn", str(message))


def error(message: object) -> None:
    """Write a line about what went wrong."""
    host().log("error", str(message))
