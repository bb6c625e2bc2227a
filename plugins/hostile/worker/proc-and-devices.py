"""Looks for /proc, /sys and devices, and what is in them."""

import os

from _attack import attack, attempt

PLACES = (
    *("/proc/self/cwd/etc/passwd", "/proc/self/environ", "/proc/self/mem", "/proc/self/maps", "/proc/self/fd", "/proc/1/root"),
    *("/proc/1/environ", "/proc/sys/kernel/core_pattern", "/proc/kcore", "/proc/keys", "/sys", "/sys/fs/cgroup", "/sys/kernel"),
    *("/dev", "/dev/null", "/dev/mem", "/dev/kmsg", "/dev/tty", "/dev/ptmx", "/dev/shm", "/dev/fd/3", "/dev/kvm", "/run", "/var"),
)


@attack
def handle(host):
    found = {place: attempt(os.stat, place) for place in PLACES}
    for pid in ("self", "thread-self", "1", "2", str(host["gateway"]), str(host["victim"])):
        for name in ("mem", "environ", "root", "cwd", "exe", "fd/0", "ns/user"):
            found[f"{pid}/{name}"] = attempt(os.open, f"/proc/{pid}/{name}", os.O_RDONLY)
    return found
