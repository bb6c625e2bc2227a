"""A warm parent for tests: imports what workers need, then forks one for each stream that it is handed.

It stands for the gateway's; there is no sandbox here.
"""

import contextlib
import os
import random
import signal
import socket
import sys

# Not this folder: what a plugin imports comes from its own.
sys.path[0] = sys.argv[1]

from omega_plugin import _preload, _rehearsal, _worker  # noqa: E402 - from the path above


def main() -> None:
    """Fork until the other end closes."""
    _preload.preload()
    # Folders differ from worker to worker here; in the gateway's zygote they are known.
    if not _rehearsal.rehearse(plugin_folder="", environment="", sdk=sys.argv[1]):
        sys.exit("the rehearsal failed")
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    control = socket.socket(fileno=int(sys.argv[2]))
    while True:
        folder, descriptors, _, _ = socket.recv_fds(control, 4096, 4)
        if not folder:
            return
        process = os.fork()
        if process == 0:
            stream, output, errors, status_pipe = descriptors
            os.dup2(output, 1)
            os.dup2(errors, 2)
            control.close()
            _report_status(status_pipe)
            plugin, environment = folder.decode().split("\n")
            # As after a fork that Python was not told of: all workers are alike.
            random.seed(1)
            _worker.main(stream, plugin_folder=plugin, environment=environment, sdk=sys.argv[1])
        for descriptor in descriptors:
            os.close(descriptor)


def _report_status(pipe: int) -> None:
    """From here on a child's child is the worker; this process waits for it and writes how it ended."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    worker = os.fork()
    if worker == 0:
        os.close(pipe)
        return
    # Only the worker has the stream and the outputs, so that their ends are seen.
    for descriptor in range(256):
        if descriptor != pipe:
            with contextlib.suppress(OSError):
                os.close(descriptor)
    _, status = os.waitpid(worker, 0)
    os.write(pipe, str(os.waitstatus_to_exitcode(status)).encode())
    os._exit(0)


main()
