"""Becomes somebody else, or takes back what it was denied."""

import os

from _attack import attack, attempt, call

# KEEPCAPS, SECUREBITS, CAP_AMBIENT raise, DUMPABLE, PTRACER, MM, SECCOMP, CHILD_SUBREAPER, SPECULATION, PDEATHSIG, TSC, THP.
OPTIONS = ((8, 1), (28, 0), (47, 2, 21), (4, 1), (0x59616D61, -1), (35, 1, 0), (22, 1), (36, 1), (53, 0, 2), (1, 0), (26, 1), (41, 1))


@attack
def handle(host):
    found = {
        "setuid": attempt(os.setuid, 0),
        "setgid": attempt(os.setgid, 0),
        "setresuid": call("setresuid", 0, 0, 0),
        "setresgid": call("setresgid", 0, 0, 0),
        "setgroups": attempt(os.setgroups, [0]),
        "capset": call("capset", (0x20080522).to_bytes(4, "little") + bytes(4), b"\xff" * 24),
        "seccomp": call("seccomp", 0, 0, 0),
        "seccomp filter": call("seccomp", 1, 8, bytes(16)),
        "landlock": call("landlock_create_ruleset", 0, 0, 1),
        "ids": "ours" if os.getresuid() == os.getresgid() == (1000, 1000, 1000) else f"GOT {os.getresuid()}",
    }
    for option in OPTIONS:
        found[f"prctl {option}"] = call("prctl", *option, *(0,) * (5 - len(option)))
    return found
