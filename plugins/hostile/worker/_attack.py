"""What the attacks share: raw system calls, and words for what became of an attempt.

A program answers with an object of attempts. An attempt that was refused is the name of its `errno` or says that there was
nothing to attack; one that went through says `GOT` and what. The harness believes neither: it looks at the host.
"""

import ctypes
import errno
import json
import platform

from omega_plugin import Text, plugin

libc = ctypes.CDLL(None, use_errno=True)

# Numbers of calls: x86-64, aarch64.
NUMBERS = {
    "accept": (43, 202), "acct": (163, 89), "add_key": (248, 217), "adjtimex": (159, 171), "bind": (49, 200), "bpf": (321, 280),
    "brk": (12, 214), "capset": (126, 91), "chroot": (161, 51), "clock_adjtime": (305, 266), "clock_settime": (227, 112),
    "clone": (56, 220), "clone3": (435, 435), "connect": (42, 203), "copy_file_range": (326, 285), "delete_module": (176, 106),
    "execve": (59, 221), "execveat": (322, 281), "exit": (60, 93), "exit_group": (231, 94), "fallocate": (285, 47),
    "fanotify_init": (300, 262), "finit_module": (313, 273), "flock": (73, 32), "fork": (57, -1), "fsopen": (430, 430),
    "getsockopt": (55, 209), "init_module": (175, 105), "inotify_init1": (294, 26), "io_uring_setup": (425, 425),
    "ioctl": (16, 29), "ioperm": (173, -1), "iopl": (172, -1), "kcmp": (312, 272), "kexec_load": (246, 104), "keyctl": (250, 219),
    "kill": (62, 129), "landlock_create_ruleset": (444, 444), "link": (86, -1), "linkat": (265, 37), "listen": (50, 201),
    "madvise": (28, 233), "memfd_create": (319, 279), "memfd_secret": (447, 447), "mincore": (27, 232), "mknod": (133, -1),
    "mknodat": (259, 33), "mlock": (149, 228), "mmap": (9, 222), "modify_ldt": (154, -1), "mount": (165, 40),
    "mount_setattr": (442, 442), "move_mount": (429, 429), "mprotect": (10, 226), "mq_open": (240, 180), "mremap": (25, 216),
    "msgget": (68, 186), "name_to_handle_at": (303, 264), "open_by_handle_at": (304, 265), "open_tree": (428, 428),
    "openat2": (437, 437), "perf_event_open": (298, 241), "personality": (135, 92), "pidfd_getfd": (438, 438),
    "pidfd_open": (434, 434), "pidfd_send_signal": (424, 424), "pivot_root": (155, 41), "pkey_mprotect": (329, 288),
    "prctl": (157, 167), "prlimit64": (302, 261), "process_madvise": (440, 440), "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271), "ptrace": (101, 117), "quotactl": (179, 60), "reboot": (169, 142),
    "remap_file_pages": (216, 234), "request_key": (249, 218), "rt_sigqueueinfo": (129, 138), "sched_setaffinity": (203, 122),
    "seccomp": (317, 277), "semget": (64, 190), "sendmmsg": (307, 269), "sendmsg": (46, 211), "sendto": (44, 206),
    "setdomainname": (171, 162), "setgroups": (116, 159), "sethostname": (170, 161), "setns": (308, 268),
    "setpriority": (141, 140), "setresgid": (119, 149), "setresuid": (117, 147), "setrlimit": (160, 164), "setsockopt": (54, 208),
    "settimeofday": (164, 170), "setuid": (105, 146), "shmget": (29, 194), "signalfd4": (289, 74), "socket": (41, 198),
    "socketpair": (53, 199), "splice": (275, 76), "swapon": (167, 224), "syslog": (103, 116), "sysinfo": (99, 179),
    "timer_create": (222, 107), "umount2": (166, 39), "unshare": (272, 97), "userfaultfd": (323, 282), "vfork": (58, -1),
    "vhangup": (153, 58), "vmsplice": (278, 75),
}  # fmt: skip
_COLUMN = 0 if platform.machine() == "x86_64" else 1


def number(name):
    return NUMBERS[name][_COLUMN]


def call(name, *arguments):
    """The result of a raw call, or the name of its `errno`."""
    which = name if isinstance(name, int) else number(name)
    if which < 0:
        return "ENOSYS: this machine has no such call"
    ctypes.set_errno(0)
    wide = [ctypes.c_long(argument) if isinstance(argument, int) else argument for argument in arguments]
    result = libc.syscall(ctypes.c_long(which), *wide)
    if result == -1:
        return errno.errorcode.get(ctypes.get_errno(), str(ctypes.get_errno()))
    return f"GOT {result}"


def attempt(function, *arguments, **named):
    """What a function of Python's gave, or the name of what it was refused with."""
    try:
        result = function(*arguments, **named)
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, repr(error))
    except (MemoryError, OverflowError, ValueError, RuntimeError) as error:
        return type(error).__name__
    return f"GOT {result!r:.200}"


def attack(function):
    """A program: from what the harness tells of the host to an object of attempts."""

    @plugin
    def handle(text: Text) -> Text:
        return Text(json.dumps(function(json.loads(text.content)), default=repr))

    return handle


def frame(body):
    """A frame of the protocol, of text or of an object."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return len(data).to_bytes(4, "big") + data


def result(content):
    """The frame that ends a call."""
    payload = {"kind": "text", "content": content, "encoding": "utf-8", "metadata": {}}
    return frame({"type": "result", "payload": payload, "notes": ""})
