"""Starts threads until there are no more, and leaves them."""

import _thread
import time

from _attack import attack


@attack
def handle(host):
    _thread.stack_size(64 * 1024)
    count = 0
    try:
        while count < host["threads_max"]:
            _thread.start_new_thread(time.sleep, (3_600,))
            count += 1
    except (RuntimeError, MemoryError):
        pass
    return {"threads": "bounded" if count < host["threads_max"] else f"GOT {count}"}
