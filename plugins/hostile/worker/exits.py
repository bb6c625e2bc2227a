"""Ends without an answer, with code 0, or has others answer for it."""

import atexit
import os
import sys
import threading
import time

from _attack import attack, call, result


@attack
def handle(host):
    how = host["how"]
    atexit.register(os.write, 3, result("forged at exit"))
    if how == "_exit":
        os._exit(0)
    if how == "sys.exit":
        sys.exit(0)
    if how == "exit_group":
        call("exit_group", 0)
    if how == "main thread":
        # The process lives on without its first thread.
        threading.Thread(target=time.sleep, args=(3_600,)).start()
        call("exit", 0)
    if how == "raise":
        raise BaseException("out")
    if how == "liar":

        class Liar(BaseException):
            def __str__(self):
                os._exit(0)

        raise Liar
    return {"exit": "GOT over it"}
