"""Ends by a signal, of its own making."""

import ctypes
import os

from _attack import attack, libc


@attack
def handle(host):
    how = host["how"]
    if how == "null":
        ctypes.string_at(0)
    elif how == "abort":
        libc.abort()
    elif how == "nested":
        value = []
        while True:
            value = [value]
    else:
        os.kill(os.getpid(), int(how))
    return {"crash": "GOT over it"}
