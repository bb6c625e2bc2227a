"""Spins, backtracks or sleeps, and takes no signal."""

import re
import signal
import threading
import time

from _attack import attack, attempt


def spin():
    while True:
        pass


@attack
def handle(host):
    for number in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}:
        signal.signal(number, signal.SIG_IGN)
    how = host["how"]
    if how == "spin":
        spin()
    if how == "regex":
        re.match(r"(a+)+b", "a" * 60)
    if how == "integers":
        return 7 ** (7 ** 12)
    if how == "threads":
        threading.stack_size(64 * 1024)
        for _ in range(16):
            attempt(threading.Thread(target=spin).start)
    if how == "timers":
        signal.signal(signal.SIGALRM, lambda *_: None)
        signal.setitimer(signal.ITIMER_REAL, 0.000_001, 0.000_001)
    while True:
        time.sleep(3600)
