"""Tells where this interpreter and what it loads are: run once, with nothing but the interpreter's own modules."""

import base64
import importlib
import importlib.util
import json
import marshal
import os
import sys
import sysconfig

if sys.version_info < (3, 10):
    # All that is asked of one that is too old for the SDK; how old that is, is decided where this is read.
    print(json.dumps({"version": list(sys.version_info[:3])}))
    sys.exit()

# The SDK's modules come on standard input and go back compiled, so that no zygote compiles them again.
compiled = {
    name: base64.b64encode(
        b"".join((importlib.util.MAGIC_NUMBER, b"\x01\0\0\0", bytes(8), marshal.dumps(compile(source, path, "exec", dont_inherit=True))))
    ).decode()
    for path, name, source in json.load(sys.stdin)
}
for name in sys.argv[1:]:
    try:
        importlib.import_module(name)
    except ImportError:
        pass
# What threads of C libraries load when they end, and what else a wheel may expect of the machine (manylinux, PEP 600; without
# those of desktops): extension modules of dependencies find the ones that are here.
EXPECTED = [
    "libgcc_s.so.1",
    "libstdc++.so.6",
    "libm.so.6",
    "libdl.so.2",
    "librt.so.1",
    "libpthread.so.0",
    "libutil.so.1",
    "libz.so.1",
]
try:
    import ctypes
except ImportError:
    EXPECTED = []
for name in EXPECTED:
    try:
        ctypes.CDLL(name)
    except OSError:
        pass
with open("/proc/self/maps", encoding="utf-8", errors="surrogateescape") as maps:
    mapped = {line.split(None, 5)[5].rstrip("\n") for line in maps if line.count("/")}
standard = os.path.dirname(os.path.realpath(os.__file__))
executable = os.path.realpath(getattr(sys, "_base_executable", None) or sys.executable)
print(
    json.dumps(
        {
            "implementation": sys.implementation.name,
            "tag": sys.implementation.cache_tag,
            "compiled": compiled,
            "version": list(sys.version_info[:3]),
            "executable": executable,
            "prefix": os.path.realpath(sys.base_prefix),
            "standard": standard,
            "extensions": os.path.realpath(os.path.join(sysconfig.get_path("platstdlib"), "lib-dynload")),
            "mapped": sorted(path for path in mapped if path.startswith("/") and path != executable),
        }
    )
)
