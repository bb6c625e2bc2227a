"""Makes memory that is a file, or that has a name, or that outlives its process."""

import os

from _attack import attack, attempt, call


@attack
def handle(host):
    return {
        "memfd": attempt(os.memfd_create, "bomb"),
        "memfd_secret": call("memfd_secret", 0),
        "shmget": call("shmget", 0x4F4D, 1 << 20, 0o1666),
        "semget": call("semget", 0x4F4D, 1, 0o1666),
        "msgget": call("msgget", 0x4F4D, 0o1666),
        "mq_open": call("mq_open", b"omega", os.O_CREAT | os.O_RDWR, 0o666, 0),
        "shm_open": attempt(os.open, "/dev/shm/omega", os.O_CREAT | os.O_RDWR),
        "mlock": call("mlock", id(host), 4096),
        "add_key is for another program": "not tried",
    }
