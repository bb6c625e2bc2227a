"""Says that it is loaded itself, and answers, while it is imported."""

import os

import _attack
from _attack import frame, result

os.write(3, frame({"type": "loaded"}) + result("early"))


@_attack.attack
def handle(host):
    return {"answer": "in time"}
