"""Makes processes and runs programs, in every way that there is."""

import ctypes
import os
import subprocess
import sys

from _attack import attack, attempt, call

CLONE_THREAD, CLONE_VM, CLONE_SIGHAND, CLONE_VFORK = 0x10000, 0x100, 0x800, 0x4000


def forked():
    pid = os.fork()
    if pid == 0:
        os.setsid()
        while True:
            pass
    return pid


@attack
def handle(host):
    program = "/python/bin/python3"
    found = {
        "fork": attempt(forked),
        "raw fork": call("fork"),
        "vfork": call("vfork"),
        "clone": call("clone", 17, 0, 0, 0, 0),
        "clone of a parent's child": call("clone", 0x8000 | 17, 0, 0, 0, 0),
        "clone into a user namespace": call("clone", 0x10000000 | 17, 0, 0, 0, 0),
        "thread in a namespace": call("clone", CLONE_THREAD | CLONE_VM | CLONE_SIGHAND | 0x20000, 0, 0, 0, 0),
        "clone3": call("clone3", ctypes.create_string_buffer(88), 88),
        "execve": attempt(os.execv, program, ["python3"]),
        "execveat": call("execveat", os.open(program, os.O_PATH), b"", 0, 0, 0x1000),
        "spawn": attempt(os.posix_spawn, program, ["python3"], {}),
        "subprocess": attempt(subprocess.run, [program, "-c", ""]),
        "vforked by the C library": attempt(subprocess.Popen, [program], close_fds=False),
        "loader": attempt(os.execv, "/lib64/ld-linux-x86-64.so.2", ["ld", program]),
    }
    found["shell"] = "held" if os.system("true") != 0 else "GOT a shell"
    found["whoever I am"] = "alone" if os.getpid() == 2 and os.getppid() == 1 else f"GOT {os.getpid()} {os.getppid()}"
    sys.stdout.flush()
    return found
