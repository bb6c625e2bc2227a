"""The warm parent of Python workers: imports what workers need, then only makes workers. No plugin code runs in it, ever."""

import os
import signal
import sys

standard = os.path.dirname(os.__file__)
sys.path[:] = [standard, standard + "/lib-dynload", "/omega"]
sys.dont_write_bytecode = True

import ctypes  # noqa: E402 - after the path is set

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
del lockdown, missing, rehearsed, standard
_preload.gc.collect()
_preload.gc.freeze()
serve()
# From here on this is a worker, locked down.
after_fork()
_worker.main(3)
