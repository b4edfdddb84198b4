"""Which runtimes open which bundles, and which of them a user has named."""

from collections.abc import Callable, Sequence

from edgeae.artifacts.bundle import Bundle
from edgeae.errors import BadInput
from edgeae.runtimes import RUNTIMES, formats


def openable(
    bundles: Sequence[Bundle], runtimes: list[str] | None, say: Callable[[str], None]
) -> list[Bundle]:
    """Return the bundles that named runtimes, or any, open; say which are skipped.

    Raises:
        BadInput: a runtime does not exist, or none of the named ones opens any of the bundles.
    """
    able = [bundle for bundle in bundles if _openers(bundle, runtimes)]
    if bundles and not able:
        chosen_runtimes(bundles[0], runtimes)  # raises the error with the reason
    for bundle in bundles:
        if bundle not in able:
            say(f"{bundle.shown}: skipped, it holds nothing that {', '.join(runtimes or [])} opens")
    return able


def chosen_runtimes(bundle: Bundle, names: list[str] | None) -> list[tuple[str, str]]:
    """Return (runtime, format) for each runtime that opens a format of the bundle.

    The runtime `null` is left out, because it gives no answers; emulated cores and boards run only
    if they are named.

    Args:
        bundle: the bundle.
        names: names of the runtimes to use; None for all.

    Raises:
        BadInput: a runtime does not exist, or no named runtime opens an artifact of the bundle.
    """
    chosen = _openers(bundle, names)
    if not chosen:
        held = ", ".join(sorted({artifact.format for artifact in bundle.manifest.artifacts}))
        asked = ", ".join(names or [])
        raise BadInput(f"{bundle.shown}: --runtime {asked} has nothing to verify here ({held})")
    return chosen


def _openers(bundle: Bundle, names: list[str] | None) -> list[tuple[str, str]]:
    for name in names or []:
        formats(name)  # raises if the name does not exist
    held = {artifact.format for artifact in bundle.manifest.artifacts}
    return [
        (name, form)
        for name, entry in RUNTIMES.items()
        if name != "null" and (name in names if names is not None else not entry.named_only)
        for form in formats(name)
        if form in held
    ]
