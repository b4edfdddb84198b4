"""`python -I -S warm_client.py SOCKET WORD…`: what `python WORD…` is, in a process that is warm.

It hands its streams, folder and variables to the process at SOCKET (`warm_server.py`), which forks;
and it ends as the fork does, by the same exit code or signal. See `warm.py`.
"""

import _signal
import _socket  # `socket`, `json` and `signal` would be more than half of this process
import array
import marshal
import os
import sys

#: Of `edgeae.system.children`: the variable that says which further descriptor a child is given.
PIPE = "EDGEAE_CHILD_PIPE"


def main(place: str, *words: str) -> None:
    given = [0, 1, 2, *([int(os.environ[PIPE])] if PIPE in os.environ else [])]
    here = os.getcwd()  # noqa: PTH109 - pathlib is half of the start of this process
    job = marshal.dumps(
        {"words": list(words), "folder": here, "environment": dict(os.environ), "given": given}
    )
    server = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    server.connect(place)
    rights = (_socket.SOL_SOCKET, _socket.SCM_RIGHTS, array.array("i", given))
    server.sendmsg([len(job).to_bytes(8, "little")], [rights])
    server.sendall(job)
    told = server.recv(8)
    assert len(told) == 8, "the warm process is gone"
    status = int.from_bytes(told, "little", signed=True)
    if status < 0:
        if -status != _signal.SIGKILL:
            _signal.signal(-status, _signal.SIG_DFL)
        os.kill(os.getpid(), -status)
    os._exit(status)


if __name__ == "__main__":
    main(*sys.argv[1:])
