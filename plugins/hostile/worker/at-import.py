"""Attacks while it is imported, before there is a call."""

import os
import sys
import threading
import time

import _attack
from _attack import call, frame

HOW = open("/plugin/how.txt").read()


def spin():
    while True:
        pass


if HOW == "exits":
    os._exit(0)
elif HOW == "raises":
    raise SystemExit(0)
elif HOW == "forbidden":
    call("ptrace", 0, 0, 0, 0)
elif HOW == "dies":
    os.kill(os.getpid(), 11)
elif HOW == "memory":
    kept = []
    while True:
        kept.append(bytearray(1 << 20))
elif HOW == "flood":
    line = frame({"type": "log", "level": "info", "message": ""})
    while True:
        os.write(3, line * 100)
elif HOW == "output":
    for _ in range(1_000):
        os.write(1, b"x" * 65_536)
        os.write(2, b"x" * 65_536)
elif HOW == "garbage":
    os.write(3, b"\xff" * 64)
elif HOW == "ask":
    os.write(3, frame({"type": "ask", "id": 1, "op": "dataset_count"}))
elif HOW == "hangs":
    time.sleep(3_600)
elif HOW == "spins later":
    # In the pool, where no deadline holds.
    threading.Thread(target=spin, daemon=True).start()
elif HOW == "closes":
    os.close(3)
sys.stdout.flush()


@_attack.attack
def handle(host):
    return {"import": "done"}
