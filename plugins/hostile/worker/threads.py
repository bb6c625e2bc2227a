"""Starts threads until there are no more, and leaves them."""

import threading
import time

from _attack import attack


@attack
def handle(host):
    threading.stack_size(64 * 1024)
    count = 0
    try:
        while count < host["threads_max"]:
            threading.Thread(target=time.sleep, args=(3_600,), daemon=True).start()
            count += 1
    except (RuntimeError, MemoryError):
        pass
    return {"threads": "bounded" if count < host["threads_max"] else f"GOT {count}"}
