"""Write a bundle so that readers see the earlier bundle until the new one is complete."""

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from edgeae.artifacts.bundle import STORE
from edgeae.system import atomic
from edgeae.system.holding import remove_unless_held

#: Separates the recipe's name in the name of a bundle's folder; no recipe's name contains it.
_MARK = "@"


@contextlib.contextmanager
def building(model: Path, recipe: str) -> Iterator[Path]:
    """Yield an empty folder for a bundle; publish it if the `with` block ends without an error.

    Args:
        model: the model's folder.
        recipe: the bundle's name in the model's folder.

    Raises:
        Busy: another process is making the same bundle, or another file has the bundle's name.
    """
    store, link = model / STORE, model / recipe
    with atomic.lock(store / f"{recipe}.lock", str(link)):
        shown = link.resolve()
        for left in store.glob(f"{recipe}{_MARK}*"):  # left by a killed process
            if left.resolve() != shown:
                remove_unless_held(left)
        scratch = Path(tempfile.mkdtemp(prefix=f"{recipe}{_MARK}", suffix=".part", dir=store))
        try:
            yield scratch
            finished = scratch.with_suffix("")
            scratch.chmod(0o755)
            scratch.rename(finished)
            atomic.publish_folder(finished, link)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
