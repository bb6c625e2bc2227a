"""Writes, renames, removes, changes modes and times wherever it can walk to."""

import os

from _attack import attack, attempt


@attack
def handle(host):
    found, seen = {}, 0
    for folder, folders, files in os.walk("/"):
        if folder.startswith("/tmp"):
            continue
        seen += 1
        planted = os.path.join(folder, "planted")
        tries = [attempt(os.mkdir, planted), attempt(os.open, planted, os.O_CREAT | os.O_WRONLY)]
        tries += [attempt(os.chmod, folder, 0o777), attempt(os.utime, folder), attempt(os.rename, folder, "/tmp/moved")]
        tries += [attempt(os.open, folder, os.O_TMPFILE | os.O_RDWR)]
        for name in files[:20]:
            file = os.path.join(folder, name)
            tries += [attempt(os.open, file, os.O_WRONLY), attempt(os.truncate, file, 0), attempt(os.unlink, file)]
            tries += [attempt(os.chmod, file, 0o777), attempt(os.utime, file)]
        through = [how for how in tries if "GOT" in how]
        found[folder] = f"GOT {through}" if through else "held"
    found["walked"] = "far" if seen > 10 else f"GOT only {seen} folders"
    return found
