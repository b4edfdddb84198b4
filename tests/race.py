"""Publishing against reading: `python tests/race.py PUBLISHES EXPORTS VERIFIES`, `make race`.

Publishes a small bundle over and over, then exports a real one with --force, while `edgeae verify`
loops over what is there. Fails if a verify ever ends otherwise than passed, or if a folder is left.
"""

import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import tiny
from edgeae_cli import ROOT

from edgeae.artifacts.bundle import STORE
from edgeae.artifacts.publish import building

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}


def edgeae(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "edgeae", *arguments]
    return subprocess.run(
        command, cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, check=False
    )


class Readers:
    """Loops `edgeae verify` over a folder until told to stop; keeps what went wrong."""

    def __init__(self, folder: Path, count: int, *options: str) -> None:
        self._folder, self._options, self._stop = folder, options, Event()
        self.verified, self.failures = 0, list[str]()
        self._pool = ThreadPoolExecutor(count)
        self._running = [self._pool.submit(self._loop) for _ in range(count)]

    def _loop(self) -> None:
        while not self._stop.is_set():
            done = edgeae("verify", *self._options, folder=self._folder)
            self.verified += 1
            if done.returncode:
                self.failures.append(f"exit {done.returncode}: {done.stderr.strip()}")

    def close(self) -> None:
        self._stop.set()
        for item in self._running:
            item.result()
        self._pool.shutdown()


def report(what: str, count: int, readers: Readers, store: Path, seconds: float) -> bool:
    left = sorted(path.name for path in store.iterdir() if path.is_dir())
    print(
        f"{what}: {count} in {seconds:.0f} s, {readers.verified} verified meanwhile, "
        f"{len(readers.failures)} failed, folders left: {len(left)}",
        flush=True,
    )
    for line in readers.failures[:5]:
        print(line)
    return not readers.failures and len(left) == 1


def publishes(folder: Path, count: int, verifies: int) -> bool:
    source = tiny.write_bundle(folder / "source" / "int8", model="tiny", recipe="int8").root
    content = {
        path.relative_to(source): path.read_bytes() for path in source.rglob("*") if path.is_file()
    }
    model = folder / "build" / "tiny"

    def publish() -> None:
        with building(model, "int8") as out:
            for name, held in content.items():
                (out / name).parent.mkdir(exist_ok=True)
                (out / name).write_bytes(held)

    publish()
    readers = Readers(folder, verifies, "build", "--golden", "--runtime", "litert-reference")
    started = time.monotonic()
    for _ in range(count):
        publish()
    seconds = time.monotonic() - started
    readers.close()
    return report("publishes of a small bundle", count, readers, model / STORE, seconds)


def exports(folder: Path, count: int, verifies: int) -> bool:
    trained = edgeae("train", "simple", "--data", "digits", "--epochs", "1", folder=folder)
    assert trained.returncode == 0, trained.stderr
    export = ("export", "simple", "-r", "int8", "--force")
    assert edgeae(*export, folder=folder).returncode == 0
    readers = Readers(folder, verifies, "build/simple/int8", "--golden")
    started = time.monotonic()
    for _ in range(count):
        done = edgeae(*export, folder=folder)
        assert done.returncode == 0, done.stderr
    seconds = time.monotonic() - started
    readers.close()
    return report("exports", count, readers, folder / "build" / "simple" / STORE, seconds)


def main(counts: list[str]) -> int:
    publish, export, verifies = map(int, counts)
    passed = True
    with tempfile.TemporaryDirectory(prefix="edgeae-race-") as place:
        for name, run, count in (("p", publishes, publish), ("e", exports, export)):
            folder = Path(place) / name
            folder.mkdir()
            if count:
                passed &= run(folder, count, verifies)
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
