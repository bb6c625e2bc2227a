"""Signals its init, everybody, its group, and processes of the host by their pids."""

import os
import signal

from _attack import attack, attempt, call


@attack
def handle(host):
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    found = {}
    for number in (signal.SIGKILL, signal.SIGSTOP, signal.SIGTERM, signal.SIGSEGV):
        # The init takes none of them; what the call says is no matter.
        attempt(os.kill, 1, number)
    found["init"] = "alive" if os.getppid() == 1 else "GOT an orphan"
    attempt(os.kill, -1, signal.SIGTERM)
    attempt(os.killpg, 0, signal.SIGTERM)
    for name in ("victim", "gateway", "helper"):
        found[f"kill {name}"] = attempt(os.kill, host[name], signal.SIGKILL)
        found[f"kill the group of {name}"] = attempt(os.killpg, host[name], signal.SIGKILL)
        found[f"queue to {name}"] = call("rt_sigqueueinfo", host[name], 9, bytes(128))
    found["nobody else"] = attempt(lambda: [os.kill(pid, 9) for pid in range(3, 40_000) if attempt(os.kill, pid, 0) != "ESRCH"])
    found["nobody else"] = found["nobody else"].removeprefix("GOT []") or "nobody"
    return found
