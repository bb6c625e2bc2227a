"""A component's life in a process of its own, because clocks and randomness are replaced: calls come as JSON, answers too."""

import json
import os
import sys
from typing import Any


def _call(exports: Any, request: dict[str, Any]) -> dict[str, Any]:
    from componentize_py_types import Err
    from wit_world.imports import log, types

    log.LINES.clear()
    kind, values = request["payload"]
    value = getattr(types, kind)(**values)
    wrapped = getattr(types, f"Payload_{kind}")(value)
    try:
        request_id, run_id, timestamp = request["ids"]
        asked = types.Request(request_id, run_id, timestamp, wrapped, request["context"])
        outcome = exports.handle(asked)
        answer = {"kind": type(outcome.payload).__name__, **vars(outcome.payload.value), "notes": outcome.notes}
    except Err as error:
        answer = {"declined": error.value.code, "message": error.value.message}
    except BaseException as error:  # noqa: BLE001 - in a component it is a trap
        answer = {"trap": type(error).__name__}
    return {"answer": answer, "log": list(log.LINES)}


def main() -> None:
    """Read what to do, do it, write what came of it."""
    task = json.load(sys.stdin)
    for missing in task["without"]:
        sys.modules[f"wit_world.imports.{missing}"] = None  # type: ignore[assignment]
    output = os.dup(1)
    program: dict[str, Any] = {"__name__": "plugin"}
    exec(task["program"], program)  # noqa: S102 - the test's own
    from omega_plugin.component import _world

    exports = _world.world(program["handle"], task["examples"])()
    answers = [_call(exports, request) for request in task["requests"]]
    os.write(output, json.dumps(answers).encode())


if __name__ == "__main__":
    main()
