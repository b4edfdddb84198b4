"""Machines that share no files: Linux network namespaces on a bridge, each with folders of its own.

It takes root and the package iproute2. A machine sees an empty folder where the others' are.
"""

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

_SUBNET = "10.213.7"


class Machine:
    """A namespace with one address.

    Attributes:
        name: the machine's name.
        address: its IPv4 address.
        home: its folder; nobody else sees it.
    """

    def __init__(self, root: Path, name: str, number: int) -> None:
        self.name, self.address, self.home = name, f"{_SUBNET}.{number}", root / name
        self.home.mkdir(parents=True)
        self._root, self._space = root, f"edgeae-{os.getpid()}-{number}"
        self._port = f"ea{os.getpid() % 10000}p{number}"

    def plug(self, bridge: str) -> None:
        """Create the namespace, and connect it to a bridge."""
        _ip("netns", "add", self._space)
        _ip("link", "add", self._port, "type", "veth", "peer", "eth0", "netns", self._space)
        _ip("link", "set", self._port, "master", bridge, "up")
        inside = ("-n", self._space)
        _ip(*inside, "link", "set", "lo", "up")
        _ip(*inside, "addr", "add", f"{self.address}/24", "dev", "eth0")
        _ip(*inside, "link", "set", "eth0", "up")

    def unplug(self) -> None:
        """Delete the namespace with all its connections."""
        with contextlib.suppress(subprocess.CalledProcessError):
            _ip("netns", "del", self._space)

    def cut(self) -> None:
        """Take the machine off the network."""
        _ip("link", "set", self._port, "down")

    def mend(self) -> None:
        """Put it back on the network."""
        _ip("link", "set", self._port, "up")

    def start(
        self, *command: str, log: Path, variables: Mapping[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        """Start a program that sees its home, and not those of the others."""
        # the home is bound aside, all homes are covered, and the home is bound back
        hide = """
            set -e
            mount --make-rprivate /
            mount --bind "$HOME_OF_MACHINE" /mnt
            mount -t tmpfs none "$ALL_HOMES"
            mkdir -p "$HOME_OF_MACHINE"
            mount --move /mnt "$HOME_OF_MACHINE"
            cd "$HOME_OF_MACHINE"
            exec "$@"
        """
        places = {"HOME_OF_MACHINE": str(self.home), "ALL_HOMES": str(self._root)}
        words = ["ip", "netns", "exec", self._space, "unshare", "--mount"]
        with log.open("ab") as stream:
            return subprocess.Popen(
                [*words, "sh", "-c", hide, "sh", *command],
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=stream,
                env={**os.environ, **places, **(variables or {})},
                start_new_session=True,
            )


@contextlib.contextmanager
def machines(root: Path, *names: str) -> Iterator[dict[str, Machine]]:
    """Yield machines by name, on a network of their own."""
    bridge = f"eabr{os.getpid() % 10000}"
    found = {name: Machine(root, name, number) for number, name in enumerate(names, 1)}
    _ip("link", "add", bridge, "type", "bridge")
    try:
        _ip("link", "set", bridge, "up")
        for machine in found.values():
            machine.plug(bridge)
        yield found
    finally:
        for machine in found.values():
            machine.unplug()
        _ip("link", "del", bridge)


def kill(process: subprocess.Popen[bytes]) -> None:
    """End a program and all that it started, as kill -9 does."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)
