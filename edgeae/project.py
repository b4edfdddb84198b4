"""Where recipes and suites are: in the project's own folders, then in those that edgeae ships."""

from pathlib import Path

__all__ = ["folders"]


def folders(name: str) -> list[Path]:
    """Return the existing folders called `name` (`export` or `bench`), the project's own first."""
    package = Path(__file__).parent
    # In a wheel the shipped ones are package data; in a checkout they lie beside the package.
    shipped = next(
        folder for folder in (package / "_project" / name, package.parent / name) if folder.is_dir()
    )
    own = Path.cwd() / name
    if own.is_dir() and own.resolve() != shipped.resolve():
        return [own, shipped]
    return [shipped]
