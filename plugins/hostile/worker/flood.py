"""Floods standard output and error, from two threads, and then answers."""

import os
import threading

from _attack import attack


def flood(descriptor):
    for _ in range(1_024):
        os.write(descriptor, b"\x1b[2J{\"forged\": 1}\n" * 4096)


@attack
def handle(host):
    threads = [threading.Thread(target=flood, args=(descriptor,)) for descriptor in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return {"flood": "over"}
