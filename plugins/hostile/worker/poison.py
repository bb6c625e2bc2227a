"""Replaces what the loop, the SDK and the interpreter are made of, in the import and in the call, to reach the next call."""

import builtins
import gc
import os
import signal
import sys
import threading
import time

import omega_plugin
from _attack import attack
from omega_plugin import _worker

# Taken before anything is replaced: what an earlier call left would be seen here.
before = {
    "import hook": [finder for finder in sys.meta_path if "Poison" in repr(finder)],
    "builtin": getattr(builtins, "poison", None),
    "module": "poison" in sys.modules,
    "sdk": getattr(omega_plugin, "poison", None),
    "loop": sorted(name for name in vars(_worker) if "poison" in repr(getattr(_worker, name))),
    "callbacks": len([one for one in gc.callbacks if "poison" in repr(one)]),
    "threads": threading.active_count(),
    "handler": signal.getsignal(signal.SIGTERM) is signal.SIG_DFL,
    "umask": os.umask(0o077),
    "files": sorted(os.listdir("/tmp")),
    "folder": os.getcwd(),
    "environ": dict(os.environ),
    "trace": sys.gettrace() is None,
    "recursion": sys.getrecursionlimit(),
}


class Poison:
    def find_spec(self, *_):
        return None


@attack
def handle(host):
    answer = dict(before)
    builtins.poison = True
    sys.modules["poison"] = sys
    sys.meta_path.insert(0, Poison())
    omega_plugin.poison = True
    gc.callbacks.append(lambda *_: "poison")
    # Everything that the loop is made of, but what this call itself still needs.
    for name in [name for name in vars(_worker) if name.isupper() or "exit" in name]:
        setattr(_worker, name, "poison")
    sys.settrace(lambda *_: None)
    sys.setrecursionlimit(5_000)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.environ["POISON"] = "1"
    os.chdir("/tmp")
    with open("/tmp/poison", "w") as file:
        file.write("poison")
    threading.Thread(target=time.sleep, args=(3_600,)).start()
    return answer
