"""Single bits flipped in files that a manifest names: whoever reads the file refuses it."""

import dataclasses
import random
from collections.abc import Iterator
from pathlib import Path

from fuzz.corpus import BUNDLE, FLOAT
from fuzz.forked import Ended

__all__ = ["COMMANDS", "Flip", "flips", "is_refused"]

#: Those that check all files of a bundle; and bench, which checks those that it uses.
COMMANDS = (
    "verify {bundle} --golden --runtime litert-reference",
    "baseline save {bundle} --to kept",
    "bench {bundle} --runtime litert-reference --seconds 0.01",
)
_MORE_BYTES = 300_000_000
#: What a bench holds answers to; the others it has no use for.
_BENCHED = ("image.npy", "encoder.npy", "decoder.npy", "autoencoder.npy", ".tflite")


@dataclasses.dataclass(frozen=True)
class Flip:
    """One bit of one file, and the command that meets it."""

    file: str
    bit: int
    command: str

    def apply(self, project: Path) -> None:
        """Flip it."""
        path = project / self.file
        content = bytearray(path.read_bytes())
        content[self.bit // 8] ^= 1 << self.bit % 8
        path.write_bytes(content)


def flips(project: Path, count: int, seed: int) -> Iterator[Flip]:
    """Yield so many flips for each command, over all files of two bundles, by their bytes."""
    dice = random.Random(seed)
    bundles = (BUNDLE, FLOAT)
    held = {
        bundle: [
            path
            for path in sorted((project / bundle).rglob("*"))
            if path.is_file() and path.suffix in (".tflite", ".onnx", ".npy")
        ]
        for bundle in bundles
    }
    for command in COMMANDS:
        for _ in range(count):
            bundle = dice.choice(bundles)
            bench = command.startswith("bench")
            paths = [path for path in held[bundle] if not bench or path.name.endswith(_BENCHED)]
            path = dice.choice(paths)
            bit = dice.randrange(path.stat().st_size * 8)
            file = path.relative_to(project).as_posix()
            yield Flip(file, bit, command.format(bundle=bundle))


def is_refused(ended: Ended, own_bytes: int) -> bool:
    """Whether a command refused with exit 2 or 4, and within the memory that it needs anyway.

    Args:
        ended: how it ended.
        own_bytes: the most memory that the same command has on the bundle as it was.
    """
    return ended.code in (2, 4) and ended.peak_bytes <= own_bytes + _MORE_BYTES
