"""Find the folders of recipes and suites: the project's own, then those shipped with edgeae."""

from pathlib import Path

from edgeae.errors import BadInput


def folders(name: str) -> list[Path]:
    """Return the existing folders called `name` (`export` or `bench`), the project's own first.

    Raises:
        BadInput: no folder exists, not even the one shipped with edgeae.
    """
    package = Path(__file__).parent.parent
    # In a wheel the shipped folders are package data; in a checkout they lie beside the package.
    places = (package / "_project" / name, package.parent / name)
    shipped = [folder for folder in places if folder.is_dir()][:1]
    own = Path.cwd() / name
    if own.is_dir() and own.resolve() not in [folder.resolve() for folder in shipped]:
        return [own, *shipped]
    if not shipped:
        raise BadInput(f"{places[1]}: edgeae's own folder is missing; install edgeae again")
    return shipped
