"""The program of the rehearsal: it gives back what it got."""

from typing import Any

from omega_plugin import Call, Json, Text, plugin


@plugin
def handle(payload: Text | Json[dict[str, Any]], call: Call) -> Text | Json[dict[str, Any]]:
    """The payload, as it came."""
    del call
    return payload
