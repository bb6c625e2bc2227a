"""Tells where this interpreter and what it loads are: run once, with nothing but the interpreter's own modules."""

import base64
import importlib
import importlib.util
import json
import marshal
import os
import sys
import sysconfig

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
try:
    import ctypes

    # What threads of C libraries load when they end.
    ctypes.CDLL("libgcc_s.so.1")
except (ImportError, OSError):
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
