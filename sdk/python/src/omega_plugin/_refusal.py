"""The two ways in which a call ends without a result and without a fault: the plugin declines, or a broker said no."""

from __future__ import annotations

from typing import ClassVar, Final, Literal, TypeAlias

#: Why a broker said no.
BrokerErrorKind: TypeAlias = Literal["denied", "unknown", "hash_mismatch", "limit_exceeded", "failed"]

_MEANINGS: Final[dict[str, str]] = {
    "denied": "the broker denied it",
    "unknown": "OMEGA does not hold it",
    "hash_mismatch": "the bytes do not have the stated hash",
    "limit_exceeded": "a broker limit is used up",
    "failed": "the broker failed",
}


class Refusal(Exception):  # noqa: N818 - the name is the same in each language
    """The plugin declines this input: raise it. The gateway answers ``rejected``."""

    #: The payload is of a kind that the plugin does not take.
    WRONG_PAYLOAD_KIND: ClassVar[str] = "wrong_payload_kind"
    #: The payload's JSON does not fit the plugin's type.
    INVALID_JSON: ClassVar[str] = "invalid_json"
    #: A row of the dataset does not fit the plugin's type.
    INVALID_ROW: ClassVar[str] = "invalid_row"
    #: The artifact is longer than the plugin reads.
    ARTIFACT_TOO_LARGE: ClassVar[str] = "artifact_too_large"
    #: The bytes are not what they should be, such as text that is not UTF-8.
    UNREADABLE: ClassVar[str] = "unreadable"

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message)
        #: Machine-readable, the plugin's own (such as ``no_header``).
        self.code = code
        #: A sentence for people.
        self.message = message

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"


class BrokerError(Exception):
    """A broker said no. Where the plugin does not catch it, the call is declined with its code."""

    def __init__(self, kind: BrokerErrorKind, message: str) -> None:
        super().__init__(kind, message)
        self.kind: BrokerErrorKind = kind
        #: What the broker says.
        self.message = message

    @property
    def code(self) -> str:
        """The code of the refusal that this becomes."""
        return f"broker_{self.kind}"

    def to_refusal(self) -> Refusal:
        """The refusal that this becomes."""
        return Refusal(self.code, str(self))

    def __str__(self) -> str:
        return f"{_MEANINGS.get(self.kind, self.kind)}: {self.message}"
