"""Attacks with machine code of its own: calls that no library makes, in ways that no library does."""

import ctypes

from _attack import attack

native = ctypes.CDLL("/plugin/native.so")
native.attack.restype = ctypes.c_long


@attack
def handle(host):
    result = native.attack(host["how"].encode(), host["victim"])
    return {host["how"]: f"GOT {result}" if result > 0 else f"refused: {result}"}
