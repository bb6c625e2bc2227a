"""`omega:plugin/log`."""

from enum import Enum

LINES: list[str] = []


class Level(Enum):
    DEBUG = 0
    INFO = 1
    WARN = 2
    ERROR = 3


def write(level: Level, message: str) -> None:
    LINES.append(f"{level.name.lower()}: {message}")
