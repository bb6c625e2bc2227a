"""Answers, and goes on: threads, timers, a session of its own, a hand on everything."""

import os
import threading
import time

from _attack import attack, attempt


def work():
    # Until the answer is given.
    time.sleep(0.05)
    while True:
        try:
            os.write(3, b"\0\0\0\2{}")
        except OSError:
            pass
        try:
            open(f"/tmp/{time.monotonic_ns()}", "w").close()
        except OSError:
            time.sleep(0.001)


@attack
def handle(host):
    attempt(os.setsid)
    for _ in range(4):
        threading.Thread(target=work).start()
    import atexit

    atexit.register(time.sleep, 3_600)
    return {"stays": "as long as it may"}
