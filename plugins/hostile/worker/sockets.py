"""Opens sockets of every family, pairs of them, and reaches for ports and names of the host."""

import os
import socket

from _attack import attack, attempt, call


@attack
def handle(host):
    found = {}
    for family in range(46):
        for kind in (1, 2, 3, 5):
            found[f"socket {family} {kind}"] = attempt(socket.socket, family, kind)
        if family != socket.AF_UNIX:
            found[f"pair {family}"] = attempt(socket.socketpair, family, socket.SOCK_DGRAM)
    found["tcp"] = attempt(socket.create_connection, ("127.0.0.1", host["port"]), 1)
    found["name"] = attempt(socket.getaddrinfo, "localhost", host["port"])
    one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    name = host["abstract"]
    found["abstract by a pair"] = attempt(one.sendto, b"attacked", "\0" + name)
    found["path by a pair"] = attempt(one.sendto, b"attacked", host["socket"])
    for descriptor in (3, one.fileno()):
        found[f"connect {descriptor}"] = call("connect", descriptor, b"\1\0\0" + name.encode(), 3 + len(name))
        found[f"bind {descriptor}"] = call("bind", descriptor, b"\1\0\0" + name.encode(), 3 + len(name))
        found[f"unconnect {descriptor}"] = call("connect", descriptor, b"\0" * 16, 16)
        found[f"listen {descriptor}"] = call("listen", descriptor, 5)
        found[f"accept {descriptor}"] = call("accept", descriptor, 0, 0)
        found[f"option {descriptor}"] = call("setsockopt", descriptor, 1, 16, b"\1\0\0\0", 4)
    return found
