"""Reaches files of the host by symbolic and hard links in /tmp, and by renaming."""

import os

from _attack import attack, attempt, call


@attack
def handle(host):
    os.chdir("/tmp")
    found = {
        "symbolic link to a file": attempt(os.symlink, host["secret"], "secret"),
        "symbolic link to a magic place": attempt(os.symlink, "/proc/self/root", "root"),
        "symbolic link upwards": attempt(os.symlink, "/" + "../" * 40, "up"),
        "symbolic link to the root": attempt(os.symlink, "/", "top"),
        "read": attempt(lambda: open("secret").read()),
        # Never makes a file of its own: that would be no attack.
        "write": attempt(lambda: open("secret", "r+").write("attacked")),
        "chmod": attempt(os.chmod, "secret", 0o777),
        "truncate": attempt(os.truncate, "secret", 0),
        "root": attempt(lambda: open("root" + host["secret"]).read()),
        "up": attempt(lambda: open("up" + host["secret"]).read()),
        "top": attempt(lambda: open("top" + host["secret"]).read()),
        "through": attempt(lambda: open("top/plugin/planted", "w").write("attacked")),
        "hard link": attempt(os.link, "/omega/zygote.py", "/tmp/zygote.py"),
        "hard link of a link": attempt(os.link, "secret", "again", follow_symlinks=True),
        "rename in": attempt(os.rename, "/omega/zygote.py", "/tmp/zygote.py"),
        "rename out": attempt(os.rename, "/tmp/secret", "/plugin/secret"),
        "swap": attempt(os.replace, "/tmp/top", "/omega"),
    }
    descriptor = os.open("/omega/zygote.py", os.O_PATH)
    found["link of a descriptor"] = call("linkat", descriptor, b"", -100, b"/tmp/linked", 0x1000)
    return found
