"""Chooses the bundles of the live page, within bounds of its size and of the compiler's time."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, zip_longest

from edgeae.artifacts.bundle import Bundle

#: Most bytes of text that the modules take: what a phone still opens at once.
PAGE_BYTES = 8_000_000
#: Most modules: each takes the compiler about a second, the first time.
MODULES = 24
#: The recipe that stands first, if there is one: what people deploy.
_FIRST = "int8"
#: The parts of which a module consists, the first complete choice: two halves show the code.
_CHOICES = (("encoder", "decoder"), ("autoencoder",), ("encoder",))


@dataclass(frozen=True)
class LeftOut:
    """A bundle that the page does not compute: its name, and why, as a sentence."""

    name: str
    reason: str


@dataclass(frozen=True)
class Choice:
    """The bundles of the page.

    Attributes:
        bundles: by model, in the order in which the page shows them.
        left_out: those that the page does not compute, by name.
    """

    bundles: tuple[Bundle, ...]
    left_out: tuple[LeftOut, ...]


def choose(bundles: Sequence[Bundle]) -> Choice:
    """Return the bundles of the page: of each model in turn `int8`, then the smallest first.

    A model's bundles have to be of the same dataset, because they get the same input.

    Args:
        bundles: all bundles of a build, by name.
    """
    left_out = dict(_unfit(bundles))
    fit = [bundle for bundle in bundles if bundle.name not in left_out]
    taken: list[Bundle] = []
    room = PAGE_BYTES
    for bundle in _in_turn(fit):
        size = _text_bytes(bundle)
        if len(taken) == MODULES:
            left_out[bundle.name] = f"the page has {MODULES} modules, which is the most."
        elif size > room:
            left_out[bundle.name] = f"with it, the page would exceed {PAGE_BYTES // 10**6} MB."
        else:
            taken.append(bundle)
            room -= size
    taken.sort(key=lambda bundle: bundle.manifest.model)  # stable: the order within a model stays
    return Choice(tuple(taken), tuple(LeftOut(*item) for item in sorted(left_out.items())))


def parts_of(bundle: Bundle) -> tuple[str, ...]:
    """Return the parts of which a bundle's module consists; empty if no `.tflite` takes images."""
    held = {item.part for item in bundle.manifest.artifacts if item.format == "tflite"}
    return next((parts for parts in _CHOICES if held.issuperset(parts)), ())


def _unfit(bundles: Iterable[Bundle]) -> Iterator[tuple[str, str]]:
    for _, group in groupby(bundles, _model):
        first = None
        for bundle in group:
            if not parts_of(bundle):
                yield bundle.name, "it has no .tflite file that takes images, which C takes."
                continue
            first = first or bundle
            if _dataset(bundle) != _dataset(first):
                reason = f"it is of another dataset than {first.name}; export it again."
                yield bundle.name, reason


def _model(bundle: Bundle) -> str:
    return bundle.manifest.model


def _dataset(bundle: Bundle) -> tuple[object, ...]:
    manifest = bundle.manifest
    first = bundle.artifact(parts_of(bundle)[0])
    return manifest.dataset["sha256"], manifest.normalization, first.input.values


def _in_turn(bundles: Iterable[Bundle]) -> Iterator[Bundle]:
    """Yield each model's first bundle, then each model's second, and so on."""
    by_model = (sorted(group, key=_order) for _, group in groupby(bundles, _model))
    for row in zip_longest(*by_model):
        yield from (bundle for bundle in row if bundle is not None)


def _order(bundle: Bundle) -> tuple[bool, int, str]:
    recipe = bundle.manifest.recipe
    return recipe != _FIRST, _text_bytes(bundle), recipe


def _text_bytes(bundle: Bundle) -> int:
    """Estimate the bytes of a module's text: base64 of what gzip leaves of the weights."""
    return sum(bundle.artifact(part).gzip_bytes for part in parts_of(bundle)) * 4 // 3
