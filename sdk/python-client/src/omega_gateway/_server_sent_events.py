"""Reads ``text/event-stream`` (WHATWG HTML, section 9.2.6) as it comes, in pieces of any size.

What never happens here: a line that ends anywhere but at CR, LF or both (httpx's own ``iter_lines`` ends one at U+2028
too, which is a letter as any other in JSON); a message that grows without bound.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from .errors import GatewayError

#: Bytes of one message: far above what the gateway sends of one event.
_MESSAGE_BYTES_MAX: Final = 16 * 1024 * 1024
_LINE_END: Final = re.compile(rb"\r\n|\r(?!\Z)|\n")
_BOM: Final = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Message:
    """One message."""

    id: str | None
    event: str
    data: str


class MessageReader:
    """Collects lines into messages."""

    def __init__(self) -> None:
        self._rest = b""
        self._begun = False
        self._id: str | None = None
        self._event = ""
        self._data: list[str] = []
        self._length = 0
        #: What the server asks for as the pause before the next connection.
        self.retry_s: float | None = None

    def push(self, piece: bytes) -> list[Message]:
        """Every message that is complete with these bytes."""
        messages: list[Message] = []
        text = self._rest + piece
        if not self._begun and len(text) >= len(_BOM):
            self._begun = True
            text = text.removeprefix(_BOM)
        at = 0
        if self._begun:
            for end in _LINE_END.finditer(text):
                self._line(text[at : end.start()].decode(errors="replace"), messages)
                at = end.end()
        self._rest = text[at:]
        self._bound(len(self._rest))
        return messages

    def _line(self, line: str, messages: list[Message]) -> None:
        if not line:
            if self._data:
                messages.append(Message(self._id, self._event or "message", "\n".join(self._data)))
            self._event, self._data, self._length = "", [], 0
            return
        name, _colon, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            self._data.append(value)
            self._length += len(value)
            self._bound(0)
        elif name == "event":
            self._event = value
        elif name == "id" and "\0" not in value:
            self._id = value
        elif name == "retry" and re.fullmatch(r"[0-9]{1,9}", value):
            self.retry_s = int(value) / 1_000

    def _bound(self, more: int) -> None:
        if self._length + more > _MESSAGE_BYTES_MAX:
            raise GatewayError("answer_unexpected", f"a message of more than {_MESSAGE_BYTES_MAX} bytes")
