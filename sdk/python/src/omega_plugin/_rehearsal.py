"""What the warm parent does once so that no worker has to: the loop serves a few calls of a program of ours.

CPython rewrites code as it is run for the first times (PEP 659), and the import system learns what is in a folder when it
first looks. Each worker would do both anew, on pages that it has to copy for it.

What never happens here: plugin code. Of the plugin's folder the names of its files are read, which are the same for every call.
"""

from __future__ import annotations

import importlib.machinery
import os
import socket
import sys
from typing import Final

from . import _host, _worker
from ._stream import Stream, encode

#: CPython 3.11 to 3.14 have specialised by then.
_TIMES: Final = 16
#: Where the program is.
_FOLDER: Final = os.path.dirname(__file__)
_SEED: Final = "00" * 32
_LOAD: Final = encode(
    {
        "type": "load",
        "plugin_id": "omega.rehearsal",
        "package_digest": _SEED,
        "entry": "_rehearsed.py",
        "export": "handle",
        "determinism": "probabilistic",
        "capabilities": [],
        "has_environment": False,
        "limits": {"memory_bytes": 0, "output_bytes": 0, "log_bytes": 0},
        "seed": _SEED,
    }
)
_PAYLOADS: Final[tuple[dict[str, object], ...]] = (
    {"kind": "text", "content": "x", "encoding": "utf-8", "metadata": {}},
    {"kind": "json", "data": {"of": [1, 2.5, "x", None, True]}, "schema_ref": "omega://schemas/rehearsal/1"},
)


def rehearse(
    *,
    plugin_folder: str = _worker.PLUGIN_FOLDER,
    environment: str = _worker.ENVIRONMENT_FOLDER,
    sdk: str = _worker.SDK_FOLDER,
) -> bool:
    """Serve calls in this process, and look into the plugin's folders.

    False: something was not as expected. Nothing depends on it but how quick workers are.
    """
    before = list(sys.path), list(sys.argv), _host.host()
    try:
        done = all(_call(_PAYLOADS[number % len(_PAYLOADS)]) for number in range(_TIMES))
    except Exception:  # noqa: BLE001 - an interpreter that does something in another way: workers serve without having rehearsed
        done = False
    sys.path[:], sys.argv, _ = before[0], before[1], _host.install(before[2])
    sys.modules.pop("_rehearsed", None)
    environments = [environment] if os.path.isdir(environment) else []
    _worker.set_paths(plugin_folder, environment if environments else None, sdk)
    # Of a module that nobody has, which is why it looks into each.
    importlib.machinery.PathFinder.find_spec("_omega_nothing", [plugin_folder, *environments])
    _worker.make_modules(plugin_folder if os.path.isdir(plugin_folder) else None)
    return done


def _call(payload: dict[str, object]) -> bool:
    request = {"request_id": "", "run_id": "", "timestamp": "", "payload": payload, "context": {}}
    call = encode({"type": "call", "request": request, "seed": _SEED, "time_left_ms": 1000})
    ours, theirs = socket.socketpair()
    sys.modules.pop("_rehearsed", None)
    _worker.make_modules(_FOLDER)
    with ours, theirs:
        ours.sendall(_LOAD + call)
        _worker.serve(Stream(theirs.fileno()), _FOLDER, "", _worker.SDK_FOLDER)
        # Both are small, and the loop has sent them by now.
        answers = Stream(ours.fileno())
        loaded, answer = answers.receive(), answers.receive()
    return loaded == {"type": "loaded"} and answer == {"type": "result", "payload": payload, "notes": ""}
