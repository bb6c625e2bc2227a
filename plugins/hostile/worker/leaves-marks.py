"""Leaves a mark on everything that the next worker might share, and tells which marks it found."""

import fcntl
import os

from _attack import attack, attempt

count = 0


@attack
def handle(host):
    global count
    found = {"global": "nothing" if count == 0 else f"GOT {count}"}
    count += 1
    # The flags of an open file are shared by all that inherited it.
    for descriptor in (0, 1, 2, 3):
        flags = fcntl.fcntl(descriptor, fcntl.F_GETFL)
        marked = flags & (os.O_NONBLOCK | os.O_APPEND | os.O_ASYNC | os.O_DIRECT)
        found[f"flags of {descriptor}"] = "nothing" if not marked else f"GOT {marked:o}"
        for flag in (os.O_NONBLOCK, os.O_APPEND):
            attempt(fcntl.fcntl, descriptor, fcntl.F_SETFL, flags | flag)
    for path in ("/omega/zygote.py", "/plugin/program.py", "/python/bin/python3", "/tmp"):
        descriptor = os.open(path, os.O_RDONLY)
        found[f"flock {path}"] = attempt(fcntl.flock, descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        found[f"lock {path}"] = attempt(fcntl.lockf, descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        found[f"lease {path}"] = attempt(fcntl.fcntl, descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        found[f"notice {path}"] = attempt(fcntl.fcntl, descriptor, fcntl.F_NOTIFY, 1)
    found["pipe size"] = attempt(fcntl.fcntl, 1, 1031, 1 << 20)
    found["owner"] = attempt(fcntl.fcntl, 3, fcntl.F_SETOWN, 1)
    times = os.stat("/plugin/program.py")
    found["times"] = attempt(os.utime, "/plugin/program.py", (1, 1))
    found["read"] = "nothing" if os.stat("/plugin/program.py").st_atime == times.st_atime else "GOT a mark"
    found["tmp"] = "nothing" if not os.listdir("/tmp") else f"GOT {os.listdir('/tmp')}"
    open("/tmp/mark", "w").close()
    os._exit(host["exit_code"]) if "exit_code" in host else None
    return found
