"""Writes to the protocol's stream itself: forged, oversized, truncated, too many, too late."""

import os
import time

from _attack import attack, frame, result

ASK = {"type": "ask", "op": "dataset_count"}


def send(*parts):
    for part in parts:
        rest = memoryview(part)
        while rest:
            rest = rest[os.write(3, rest) :]


def log_flood():
    line = frame({"type": "log", "level": "info", "message": "x" * 1000})
    while True:
        send(line * 64)


@attack
def handle(host):
    how = host["how"]
    if how == "garbage":
        send(os.urandom(1 << 16))
    elif how == "oversized":
        send((1 << 30).to_bytes(4, "big"), bytes(1 << 20))
    elif how == "announced":
        send((1 << 19).to_bytes(4, "big"))
        os.close(3)
        time.sleep(3600)
    elif how == "truncated":
        send(result("cut")[:-5])
        os._exit(0)
    elif how == "empty":
        send(frame(b""))
    elif how == "not text":
        send(frame(b"\xff\xfe"))
    elif how == "deep":
        send(frame(b'{"type":"result","notes":"","payload":' + b"[" * 400_000))
    elif how == "unknown type":
        send(frame({"type": "exec", "command": "true"}))
    elif how == "unknown field":
        send(frame({"type": "log", "level": "info", "message": "", "path": host["secret"]}))
    elif how == "loaded again":
        send(frame({"type": "loaded"}))
    elif how == "twice":
        send(frame({"type": "log", "level": "info", "type ": "log"}))
    elif how == "ask flood":
        for count in range(1_000_000):
            send(frame(ASK | {"id": count}))
    elif how == "unknown op":
        send(frame({"type": "ask", "id": 1, "op": "open", "artifact_id": host["secret"]}))
    elif how == "path":
        send(frame({"type": "ask", "id": 1, "op": "artifact_size", "artifact_id": "../../" + host["secret"]}))
        answer = os.read(3, 10_000)
        return {"artifact": "refused" if b"refusal" in answer else f"GOT {answer!r}"}
    elif how == "log flood":
        log_flood()
    elif how == "two results":
        send(result("first"), result("second"))
        time.sleep(3600)
    elif how == "after the result":
        send(result("first"), frame({"type": "failed", "error": {"kind": "k", "message": "m", "traceback": ""}}), b"\0\0\0")
        time.sleep(3600)
    elif how == "killed in mid-write":
        send(result("cut" * 1000)[:-5])
        os.kill(os.getpid(), 9)
    elif how == "closed":
        os.close(3)
        time.sleep(3600)
    elif how == "not read":
        # The gateway's answers are never read: it must not wait for ever.
        while True:
            send(frame(ASK | {"id": 1}))
    return {"frames": "sent"}
