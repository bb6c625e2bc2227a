"""What componentize-py gives an app, as far as the SDK uses it."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Err(Exception):  # noqa: N818 - as it is there
    """A refusal of the component model."""

    value: Any
