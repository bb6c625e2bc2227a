"""Takes memory until it is killed: on the heap, in shared mappings, in threads, in files, in the kernel."""

import mmap
import os
import socket
import threading

from _attack import attack, libc


def heap():
    kept = []
    while True:
        kept.append(bytearray(1 << 20))


def shared():
    kept = []
    while True:
        kept.append(mmap.mmap(-1, 1 << 22))
        for offset in range(0, 1 << 22, 4096):
            kept[-1][offset] = 1


def raw():
    libc.malloc.restype = libc.memset.restype = __import__("ctypes").c_void_p
    while True:
        at = libc.malloc(1 << 20)
        if not at:
            raise MemoryError
        libc.memset(__import__("ctypes").c_void_p(at), 1, 1 << 20)


def threads():
    for _ in range(8):
        threading.Thread(target=heap, daemon=True).start()
    heap()


def files():
    count = 0
    kept = []
    while True:
        count += 1
        try:
            with open(f"/tmp/{count}", "wb") as file:
                file.write(bytes(1 << 20))
        except OSError:
            kept.append(bytearray(1 << 20))


def kernel():
    kept = []
    try:
        while True:
            one, other = socket.socketpair()
            kept.append((one, other))
            for end in (one, other):
                end.setblocking(False)
                try:
                    while True:
                        end.send(bytes(4096))
                except BlockingIOError:
                    pass
    except OSError:
        pass
    try:
        while True:
            kept.append(os.pipe())
    except OSError:
        return {"descriptors": f"held at {len(kept)}"}


@attack
def handle(host):
    return {"heap": heap, "shared": shared, "raw": raw, "threads": threads, "files": files, "kernel": kernel}[host["how"]]()
