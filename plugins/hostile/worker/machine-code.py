"""Makes memory that can be executed, and loads code from where it can write."""

import ctypes
import glob
import mmap
import os
import sys

from _attack import attack, attempt, call, libc

READ, WRITE, EXEC = 1, 2, 4
SHARED, PRIVATE, FIXED, ANONYMOUS = 1, 2, 16, 32
SIZE = 4096
SO = "/omega/lockdown.so"


@attack
def handle(host):
    found = {}
    for flags in (PRIVATE | ANONYMOUS, SHARED | ANONYMOUS, PRIVATE | ANONYMOUS | 0x40, PRIVATE | ANONYMOUS | 0x20000):
        for protection in (EXEC, READ | EXEC, READ | WRITE | EXEC, WRITE | EXEC):
            found[f"anonymous {flags:x} {protection}"] = call("mmap", 0, SIZE, protection, flags, -1, 0)
    page = mmap.mmap(-1, SIZE, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    at = ctypes.addressof(ctypes.c_char.from_buffer(page))
    found["mprotect"] = call("mprotect", at, SIZE, READ | EXEC)
    found["mprotect all"] = call("mprotect", at, SIZE, READ | WRITE | EXEC)
    found["pkey_mprotect"] = call("pkey_mprotect", at, SIZE, READ | EXEC, -1)
    found["remap_file_pages"] = call("remap_file_pages", at, SIZE, EXEC, 0, 0)
    found["stack"] = call("mprotect", at & ~0xFFF, SIZE, EXEC | 0x01000000)
    with open(SO, "rb") as library, open("/tmp/code.so", "wb") as copy:
        copy.write(library.read())
    descriptor = os.open("/tmp/code.so", os.O_RDWR)
    for protection in (EXEC, READ | EXEC, READ | WRITE | EXEC):
        for flags in (PRIVATE, SHARED):
            found[f"file {flags} {protection}"] = call("mmap", 0, SIZE, protection, flags, descriptor, 0)
    # Two mappings of one file: written by one, executed by the other.
    written = libc.mmap
    written.restype = ctypes.c_void_p
    place = written(None, ctypes.c_size_t(SIZE), READ | WRITE, SHARED, descriptor, ctypes.c_long(0))
    found["two mappings"] = call("mmap", 0, SIZE, READ | EXEC, SHARED, descriptor, 0)
    found["mprotect of a file"] = call("mprotect", place, SIZE, READ | EXEC)
    found["dlopen from /tmp"] = attempt(ctypes.CDLL, "/tmp/code.so")
    if host["profile"] == "pure":
        # Libraries of the machine that the parent did not load.
        loaded = {getattr(module, "__file__", None) for module in sys.modules.values()}
        for file in glob.glob(os.path.dirname(os.__file__) + "/lib-dynload/*.so"):
            if file not in loaded:
                found[f"dlopen {file}"] = attempt(ctypes.CDLL, file)
        other = os.open(SO, os.O_RDONLY)
        found["package"] = call("mmap", 0, SIZE, READ | EXEC, PRIVATE, other, 0)
        # A page of the interpreter's own code is mapped for writing over itself.
        code = ctypes.cast(libc.getpid, ctypes.c_void_p).value & ~0xFFF
        found["executable again"] = call("mprotect", code, SIZE, READ | EXEC)
    code = ctypes.cast(libc.getppid, ctypes.c_void_p).value & ~0xFFF
    found["code made writable and executable"] = call("mprotect", code, SIZE, READ | WRITE | EXEC)
    found["memfd"] = call("memfd_create", b"code", 0)
    return found
