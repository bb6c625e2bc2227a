"""Writes into a terminal's input and takes terminals over."""

import os

from _attack import attack, attempt, call

# TIOCSTI, TIOCSCTTY, TIOCLINUX, TIOCSPGRP, TCSETS, TIOCNOTTY, TIOCCONS; FIOSETOWN, SIOCSPGRP, FIOASYNC, FS_IOC_SETFLAGS.
REQUESTS = (0x5412, 0x540E, 0x541C, 0x5410, 0x5402, 0x5422, 0x541D, 0x8901, 0x8902, 0x5452, 0x40086602)


@attack
def handle(host):
    found = {}
    for descriptor in (0, 1, 2, 3):
        for request in REQUESTS:
            found[f"{descriptor} {request:x}"] = call("ioctl", descriptor, request, b"x" * 64)
        found[f"{descriptor} with high bits"] = call("ioctl", descriptor, (1 << 32) | 0x5412, b"x" * 64)
    found["session"] = attempt(os.setsid)
    found["tty"] = attempt(os.open, "/dev/tty", os.O_RDWR)
    found["console"] = attempt(os.ttyname, 0)
    return found
