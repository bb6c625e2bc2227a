"""Reads files of the host: directly, by `..`, by directory descriptors, by magic places."""

import os

from _attack import attack, attempt, call


def read(path, folder=None):
    descriptor = os.open(path, os.O_RDONLY, dir_fd=folder)
    return os.read(descriptor, 1000)


@attack
def handle(host):
    secret, found = host["secret"], {}
    for path in ("/etc/passwd", "/etc/shadow", "/etc/hostname", "/home", secret):
        found[path] = attempt(read, path)
        found[f"..{path}"] = attempt(read, "/tmp" + "/.." * 40 + path)
        found[f"plugin{path}"] = attempt(read, "/plugin/../../../../.." + path)
        for start in ("/", "/tmp", "/plugin", "/omega", "/python"):
            folder = os.open(start, os.O_RDONLY | os.O_DIRECTORY)
            found[f"{start} at {path}"] = attempt(read, "../" * 40 + path.lstrip("/"), folder)
            os.fchdir(folder)
            found[f"{start} in {path}"] = attempt(read, "../" * 40 + path.lstrip("/"))
    names = set(os.listdir("/"))
    known = {"tmp", "plugin", "omega", "python", "env", "usr", "lib", "lib32", "lib64", "lib/x86_64-linux-gnu"}
    found["root"] = "as it should be" if names <= known else f"GOT {names - known}"
    found["openat2"] = call("openat2", -100, b"/etc/passwd", b"\0" * 24, 24)
    found["old root"] = attempt(os.listdir, "/proc")
    return found
