"""Raises limits, its own and others', and its place in the queue for the processor."""

import os
import resource

from _attack import attack, attempt, call


@attack
def handle(host):
    found = {}
    for name in [name for name in dir(resource) if name.startswith("RLIMIT_")]:
        number = getattr(resource, name)
        soft, hard = resource.getrlimit(number)
        found[name] = attempt(resource.setrlimit, number, (soft, hard))
        found[f"{name} raised"] = attempt(resource.setrlimit, number, (resource.RLIM_INFINITY,) * 2)
        new = (soft & (1 << 64) - 1).to_bytes(8, "little") + (hard & (1 << 64) - 1).to_bytes(8, "little")
        found[f"{name} raw"] = call("prlimit64", 0, number, new, 0)
        found[f"{name} of the init"] = call("prlimit64", 1, number, 0, bytes(16))
    found["nice"] = attempt(os.setpriority, os.PRIO_PROCESS, 0, -5)
    found["nice, raw"] = call("setpriority", 0, 0, -5)
    found["affinity"] = attempt(os.sched_setaffinity, 0, {0})
    found["real time"] = attempt(os.sched_setscheduler, 0, os.SCHED_FIFO, os.sched_param(10))
    return found
