"""Stops itself, so that it never answers."""

import os
import signal

from _attack import attack


@attack
def handle(host):
    while True:
        os.kill(os.getpid(), signal.SIGSTOP)
