"""Runs a plugin's function in the author's tests: no sandbox, no gateway; or, with :class:`Gateway`, through a real one.

    from omega_plugin.testing import Request, run

    assert run(handle, Request.text("two words")).json()["words"] == 2
    assert run(handle, Request.text(" ")).refusal().code == "empty"

``run`` is a stand-in: it answers the brokers' questions from memory, by the gateway's rules for what a request names. It
checks no schema, no capability and no limit; a :class:`Gateway` does. :class:`ConformanceGate` is the gate that a package has to
pass, as tests to inherit.
"""

from ._gate import ConformanceGate
from ._gateway import Gateway, GatewayError
from ._request import Request
from ._run import LogLine, Progress, Run, run

__all__ = ["ConformanceGate", "Gateway", "GatewayError", "LogLine", "Progress", "Request", "Run", "run"]
