"""The warm parent of Python workers: imports what workers need, then only makes workers. No plugin code runs in it, ever."""

import os
import signal
import sys

standard = os.path.dirname(os.__file__)
sys.path[:] = [standard, standard + "/lib-dynload", "/omega"]
sys.dont_write_bytecode = True
# What modules do in the child of a fork is to mend locks that other threads held, and to seed `random`. A worker is a copy of a process of
# one thread that holds none, and the loop seeds: left in, this is a ninth of what a worker costs.
register_at_fork = os.register_at_fork
os.register_at_fork = lambda **_: None

import ctypes  # noqa: E402 - after the path is set
import threading  # noqa: E402

from omega_plugin import _preload, _rehearsal, _worker  # noqa: E402

missing = _preload.preload()
try:
    # What the threads of C libraries load when they end, which a worker may not do any more.
    ctypes.CDLL("libgcc_s.so.1")
except OSError:
    pass
# Workers begin with the actions that a fresh process has; a zygote's children are not waited for.
signal.signal(signal.SIGINT, signal.SIG_DFL)
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
os.environ.clear()
lockdown = ctypes.PyDLL("/omega/lockdown.so")
serve = lockdown.omega_zygote
serve.restype = None
after_fork = ctypes.pythonapi.PyOS_AfterFork_Child
after_fork.restype = None
rehearsed = _rehearsal.rehearse()
os.register_at_fork = register_at_fork
del lockdown, missing, register_at_fork, rehearsed, standard
_preload.gc.collect()
_preload.gc.freeze()
serve()
# From here on this is a worker, locked down.
after_fork()
threading.main_thread()._set_native_id()
_worker.main(3)
