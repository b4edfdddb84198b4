"""Making a bundle where readers see the earlier one until the new one is whole."""

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from edgeae.artifacts.bundle import STORE
from edgeae.system import atomic
from edgeae.system.holding import remove_unless_held

#: Between a recipe's name and the rest of its folder's: no recipe's name can hold it.
_MARK = "@"


@contextlib.contextmanager
def building(model: Path, recipe: str) -> Iterator[Path]:
    """Hold an empty folder for a bundle; publish it when the `with` block ends without an error.

    Args:
        model: the model's folder.
        recipe: the bundle's name in it.

    Raises:
        Busy: another process is making the same bundle, or something else has its name.
    """
    store, link = model / STORE, model / recipe
    with atomic.lock(store / f"{recipe}.lock", str(link)):
        shown = link.resolve()
        for left in store.glob(f"{recipe}{_MARK}*"):  # by a process that was killed
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
