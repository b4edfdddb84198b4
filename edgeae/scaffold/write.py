"""Write a repository from templates; existing files are replaced only with `force`."""

import importlib.metadata
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlparse
from urllib.request import url2pathname

import edgeae
from edgeae.embed.table import entry
from edgeae.errors import BadInput
from edgeae.gate.synthetic import dense
from edgeae.system import atomic, project

_TEMPLATES = Path(__file__).parent / "templates"
#: File of the repository → template, whose name has no leading dot: packaging may skip dot files.
_FILES = {
    ".github/workflows/edgeae.yml": "edgeae.yml",
    ".gitignore": "gitignore",
    "Makefile": "Makefile",
    "README.md": "README.md",
    "bench/gate.toml": "gate.toml",
    "export/matrix.toml": "matrix.toml",
}
#: Stands for the form of embedding in the templates that end with `.embed`.
_FORM = b"$FORM$"
_RECIPES = ("float32", "int8")
#: Layer widths of the example, an encoder of images of 28 × 28 pixels.
_WIDTHS = (784, 64, 32)


@dataclass(frozen=True)
class Written:
    """The files of a repository, as paths relative to its folder.

    Attributes:
        written: new or replaced files.
        unchanged: files that already existed with the same bytes.
    """

    written: tuple[str, ...]
    unchanged: tuple[str, ...]


def repository(embed: str | None = None) -> dict[str, bytes]:
    """Return the files of a new repository: path with slashes → content.

    Args:
        embed: the form in which `make embed` embeds the models; None for no such target.

    Raises:
        BadInput: there is no such form, or edgeae's own recipes are missing.
    """
    if embed is not None:
        entry(embed)  # raises if there is no such form
    recipes = project.folders("export")[-1]  # the last folder is the one that edgeae ships
    example = dense(_WIDTHS, description="edgeae init: an example, replace it")
    return {
        **{path: _content(name, embed) for path, name in _FILES.items()},
        **{f"export/{name}.toml": (recipes / f"{name}.toml").read_bytes() for name in _RECIPES},
        "models/example.tflite": example,
        "bench/baselines/example.tflite": example,
    }


def _content(template: str, form: str | None) -> bytes:
    """Return a template, and after it what it says of a form of embedding, if there is one."""
    content = (_TEMPLATES / template).read_bytes()
    more = _TEMPLATES / f"{template}.embed"
    if form is None or not more.is_file():
        return content
    return content + more.read_bytes().replace(_FORM, form.encode())


def write(folder: Path, *, force: bool = False, embed: str | None = None) -> Written:
    """Write a repository to a folder; if a check fails, no file is written.

    Existing files with the same bytes are left as they are, so that an interrupted call can be
    repeated.

    Args:
        folder: the repository's root; created if it is missing.
        force: replace existing files whose bytes differ.
        embed: see `repository`.

    Raises:
        BadInput: there is no such form; an existing file differs and `force` is False; or a folder
            has the path of a file, or a file that of a folder.
    """
    files = repository(embed)
    _check_places(folder, files)
    unchanged = [path for path, content in files.items() if _holds(folder / path, content)]
    left = [path for path in files if path not in unchanged]
    standing = [path for path in left if os.path.lexists(folder / path)]
    if standing and not force:
        raise BadInput(
            f"{folder}: {', '.join(standing)} {'exists' if len(standing) == 1 else 'exist'} "
            "already; nothing was written; name another folder, or replace with --force"
        )
    for path in left:
        atomic.write_bytes(folder / path, files[path])
    return Written(tuple(left), tuple(unchanged))


def _check_places(folder: Path, files: Mapping[str, bytes]) -> None:
    """Refuse folders at the paths of files, and files at the paths of folders."""
    for path in files:
        place = folder / path
        above = [parent for parent in place.parents if parent.exists() and not parent.is_dir()]
        if above:
            raise BadInput(f"{above[0]}: is a file, but a folder is needed here; move the file")
        if place.is_dir():
            raise BadInput(f"{place}: is a folder, but a file is needed here; move the folder")


def _holds(path: Path, content: bytes) -> bool:
    return path.is_file() and path.read_bytes() == content


def source() -> str:
    """Return the argument with which `pip wheel` builds edgeae's wheel.

    It is the folder, file or URL in `direct_url.json` (PEP 610); if edgeae was installed from a
    registry, that file is missing, and the argument is name and version.
    """
    try:
        direct_url = importlib.metadata.distribution("edgeae").read_text("direct_url.json")
    except importlib.metadata.PackageNotFoundError:
        return str(Path(edgeae.__file__).parent.parent)  # a checkout that is not installed
    return _given(json.loads(direct_url)) if direct_url else f"edgeae=={edgeae.__version__}"


def _given(parameters: dict[str, dict[str, str]]) -> str:
    url = str(parameters["url"])
    if "vcs_info" in parameters:
        return f"{parameters['vcs_info']['vcs']}+{url}@{parameters['vcs_info']['commit_id']}"
    return url2pathname(urlparse(url).path) if url.startswith("file:") else url
