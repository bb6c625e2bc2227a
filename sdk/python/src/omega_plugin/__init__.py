"""Write a plugin for the OMEGA Plugin Gateway: one function from a typed payload to a typed payload.

    from dataclasses import dataclass
    from omega_plugin import Json, Refusal, Text, json_payload, plugin

    @json_payload("omega:word-count:output:report:v1.0.0")
    @dataclass
    class Report:
        words: int

    @plugin
    def handle(text: Text) -> Json[Report]:
        if not text.content.strip():
            raise Refusal("empty", "there are no words to count")
        return Json(Report(words=len(text.content.split())))

What the argument's type does not take is declined before the function is called. An exception is a fault of the plugin,
and the gateway answers ``error``; a :class:`Refusal` declines the input, and it answers ``rejected``.
"""

from . import log
from ._host import Level
from ._payload import BinaryRef, DatasetSlice, Json, Payload, PayloadKind, Text, json_payload
from ._plugin import Call, Outcome, Plugin, Reply, plugin, progress
from ._refusal import BrokerError, BrokerErrorKind, Refusal
from ._shape import Schema

__all__ = [
    "BinaryRef",
    "BrokerError",
    "BrokerErrorKind",
    "Call",
    "DatasetSlice",
    "Json",
    "Level",
    "Outcome",
    "Payload",
    "PayloadKind",
    "Plugin",
    "Refusal",
    "Reply",
    "Schema",
    "Text",
    "json_payload",
    "log",
    "plugin",
    "progress",
]
