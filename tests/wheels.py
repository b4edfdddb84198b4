"""Environments that hold edgeae's wheel, made without the network."""

import importlib.metadata
import importlib.util
import shlex
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest
from edgeae_cli import ROOT
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]


def build_wheel(folder: Path) -> Path:
    """Build edgeae's wheel in a folder."""
    if importlib.util.find_spec("hatchling") is None:
        pytest.fail("hatchling is missing: pip install -e '.[dev]'", pytrace=False)
    build = [*PIP, "wheel", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*build, "--wheel-dir", folder, ROOT], check=True)
    (wheel,) = folder.glob("edgeae-*.whl")
    return wheel


def environment(folder: Path) -> Path:
    """Make an environment with a command `pip`; what edgeae needs comes from this one."""
    site = _empty(folder)
    # a path of a .pth file has its own .pth files ignored: this environment's edgeae stays out
    borrowed = Path(importlib.util.find_spec("numpy").origin).parent.parent
    (site / "borrowed.pth").write_text(f"{borrowed}\n")
    return folder


def bare_environment(folder: Path, wheel: Path, *extras: str) -> Path:
    """Make an environment of a wheel, what it requires with these extras, and nothing else."""
    site = _empty(folder)
    for name in _required(f"edgeae[{','.join(extras)}]"):
        _borrow(importlib.metadata.distribution(name), site)
    install = [*PIP, "--python", folder / "bin" / "python", "install", "--no-deps", "--no-index"]
    subprocess.run([*install, wheel], check=True)
    return folder


def _empty(folder: Path) -> Path:
    """Make an environment with a command `pip`; return its folder of packages."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    python, pip = folder / "bin" / "python", folder / "bin" / "pip"
    pip.write_text(f'#!/bin/sh\nexec {shlex.join([*PIP, "--python", str(python)])} "$@"\n')
    pip.chmod(0o755)
    (site,) = (folder / "lib").glob("python*/site-packages")
    return site


def _required(what: str) -> Iterable[str]:
    """Return the names of the packages that a requirement brings, apart from itself."""
    asked = [Requirement(what)]
    seen: dict[str, set[str]] = {}
    for item in asked:  # grows while it is read
        name = canonicalize_name(item.name)
        known = seen.setdefault(name, set())
        for extra in {"", *item.extras} - known:
            known.add(extra)
            for text in importlib.metadata.requires(name) or ():
                found = Requirement(text)
                if found.marker is None or found.marker.evaluate({"extra": extra}):
                    asked.append(found)
    return [name for name in seen if name != "edgeae"]


def _borrow(package: importlib.metadata.Distribution, site: Path) -> None:
    """Link what a package of this environment has in its folder of packages."""
    tops = {file.parts[0] for file in package.files or () if file.parts[0] != ".."}
    for top in tops - {"__pycache__"}:
        if not (site / top).exists():
            (site / top).symlink_to(package.locate_file(top))
