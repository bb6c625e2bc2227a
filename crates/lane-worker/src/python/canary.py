"""Attacks its sandbox and tells what held. The gateway runs it before it trusts the sandbox with a plugin."""

import ctypes
import mmap
import os
import resource
import socket
import sys
import threading
from typing import Any

from omega_plugin import Json, plugin

# Of each Linux; nothing that an interpreter needs is in them.
HOST_FOLDERS = ("/boot", "/etc", "/home", "/media", "/mnt", "/root", "/run", "/srv", "/var")
libc = ctypes.CDLL(None, use_errno=True)


def fails(attack, *arguments):
    """Whether Python is refused."""
    try:
        attack(*arguments)
    except (OSError, MemoryError, ValueError, PermissionError):
        return True
    return False


def refused(result):
    """Whether the C library was refused."""
    return result == -1


def attacks(secret: str) -> dict[str, bool]:
    """What was tried, and whether it held."""
    return {
        "read a file of the host": fails(open, secret) and fails(open, "/etc/passwd"),
        "see processes": not os.path.exists("/proc/1") and not os.path.exists("/sys/kernel"),
        "write to the root": fails(open, "/planted", "w") and fails(open, "/plugin/planted", "w"),
        "see the host's folders": not any(map(os.path.exists, HOST_FOLDERS)),
        "change modes and times": fails(os.chmod, "/omega", 0o777) and fails(os.utime, "/omega"),
        "write to the interpreter": fails(open, os.__file__, "a"),
        "escape by a descriptor": all(fails(os.fstat, number) for number in range(4, 256)),
        "find the environment": not os.environ and not os.environb,
        "open a socket": all(fails(socket.socket, family, kind) for family in (1, 2, 10, 16, 17, 40) for kind in (1, 2, 3)),
        "fork": fails(os.fork),
        "run a program": fails(os.execv, sys.executable or "/python/bin/python3", ["python3"]),
        "map executable memory": fails(mmap.mmap, -1, 4096, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, 7),
        "make a memory file": fails(os.memfd_create, "x"),
        "raise a limit": fails(resource.setrlimit, resource.RLIMIT_CORE, (1, 1)),
        "be root": refused(libc.setuid(0)) and os.getuid() != 0,
        "signal the parent": os.getpid() == 2 and os.getppid() == 1,
        "lock a file that others read": fails(__import__("fcntl").flock, os.open("/omega/zygote.py", os.O_RDONLY), 2),
        "make a device": fails(os.mknod, "/tmp/device", 0o20600, 0x0103),
        "make a set-id file": fails(os.chmod, os.path.join("/tmp", os.path.basename(touch("/tmp/set"))), 0o4755),
        # Landlock alone denies it, and is not seen from outside.
        "make a symbolic link": fails(os.symlink, "/", "/tmp/link"),
        "fill the disk": fails(fill, "/tmp/full"),
        "see threads of others": threading.active_count() == 1,
    }


def touch(path: str) -> str:
    with open(path, "w", encoding="utf-8"):
        return path


def fill(path: str) -> None:
    """More than /tmp holds, in several files, since one is bounded too."""
    try:
        for number in range(8):
            with open(f"{path}{number}", "wb") as file:
                for _ in range(16):
                    file.write(bytes(1 << 20))
    finally:
        for number in range(8):
            if os.path.exists(f"{path}{number}"):
                os.remove(f"{path}{number}")


@plugin
def handle(asked: Json[dict[str, Any]]) -> Json[dict[str, Any]]:
    if asked.data["attack"] == "forbidden":
        libc.ptrace(0, 0, 0, 0)
        return Json({"attacks": {"ptrace": "went through"}}, "canary")
    tried = attacks(asked.data["secret"])
    return Json({"attacks": {name: "held" if held else "went through" for name, held in tried.items()}}, "canary")
