"""Fills its disk: many files, one sparse file, deep folders, long links, what was removed and is still open."""

import os

from _attack import attack, attempt


def many():
    for count in range(200_000):
        os.close(os.open(f"/tmp/f{count}", os.O_CREAT | os.O_WRONLY))
    return count


def large(name, removed):
    descriptor = os.open(name, os.O_CREAT | os.O_WRONLY)
    if removed:
        os.unlink(name)
    for _ in range(64):
        os.write(descriptor, bytes(1 << 20))


def deep():
    os.chdir("/tmp")
    for count in range(200_000):
        os.mkdir("d" * 100)
        os.chdir("d" * 100)


def links():
    for count in range(200_000):
        os.symlink("l" * 4000, f"/tmp/l{count}")


@attack
def handle(host):
    import signal

    # Otherwise the first file that is too large is the end.
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    sparse = os.open("/tmp/sparse", os.O_CREAT | os.O_WRONLY)
    found = {
        "sparse": attempt(os.truncate, "/tmp/sparse", 1 << 40),
        "seek": attempt(os.pwrite, sparse, b"x", 1 << 40),
        "fallocate": attempt(os.posix_fallocate, sparse, 0, 1 << 30),
        "large": attempt(large, "/tmp/large", False),
        "removed": attempt(large, "/tmp/removed", True),
    }
    os.unlink("/tmp/large")
    found |= {"many": attempt(many), "links": attempt(links), "deep": attempt(deep)}
    return found
