"""Makes devices, pipes, sockets and set-id files, and runs them."""

import os
import stat

from _attack import attack, attempt, call


@attack
def handle(host):
    os.chdir("/tmp")
    found = {
        "mknod char": attempt(os.mknod, "char", stat.S_IFCHR | 0o666, os.makedev(1, 1)),
        "mknod block": attempt(os.mknod, "block", stat.S_IFBLK | 0o666, os.makedev(8, 0)),
        "mknod socket": attempt(os.mknod, "socket", stat.S_IFSOCK | 0o666),
        "mkfifo": attempt(os.mkfifo, "fifo"),
        "raw mknodat": call("mknodat", -100, b"/tmp/raw", 0o020666, 0x101),
    }
    # A mode given at creation is not looked at by the filter: the file is there, and of no use.
    descriptor = os.open("set", os.O_CREAT | os.O_RDWR, 0o6755)
    os.write(descriptor, b"#!/python/bin/python3\n")
    os.close(descriptor)
    found["chmod set-id"] = attempt(os.chmod, "set", 0o4755)
    found["chmod set-gid"] = attempt(os.chmod, "set", 0o2755)
    found["run"] = attempt(os.execv, "/tmp/set", ["set"])
    found["chown"] = attempt(os.chown, "set", 0, 0)
    found["xattr"] = attempt(os.setxattr, "set", "security.capability", b"\1\0\0\2" + b"\xff" * 16)
    found["user xattr"] = attempt(os.setxattr, "set", "user.note", b"1")
    return found
