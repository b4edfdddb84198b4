"""Compiles the Kotlin of an embedded folder and runs its check on this machine's JVM."""

import os
from collections.abc import Sequence
from pathlib import Path

from edgeae.embed.form import Proof
from edgeae.embed.proving import complaint, finished, passed, tool
from edgeae.errors import NotMeasured, RuntimeUnavailable

_JDK = "apt install default-jdk-headless"
_KOTLIN = "apt install kotlin"
#: The compiler ends before what Java's second compiler gains pays off: half the processor time.
_QUICK = "-XX:TieredStopAtLevel=1 -Xmx512M"


def include_folders() -> list[Path]:
    """Return the folders with `jni.h` and `jni_md.h` of the JDK that `javac` belongs to.

    Raises:
        RuntimeUnavailable: there is no JDK.
    """
    home = Path(tool("javac", _JDK)).resolve().parents[1]
    found = sorted(home.glob("include/*/jni_md.h"))
    if not found or not (home / "include/jni.h").is_file():
        raise RuntimeUnavailable(f"{home}: the JDK has no include/jni.h", _JDK)
    return [home / "include", found[0].parent]


def versions() -> str:
    """Return the names and versions of the compiler of Kotlin and the virtual machine.

    Raises:
        RuntimeUnavailable: one of them is missing.
        NotMeasured: one of them does not answer.
    """
    kotlin = _said([tool("kotlinc", _KOTLIN), "-version"], "kotlinc")
    return f"{kotlin}, {_said([tool('java', _JDK), '-version'], 'version')}"


def _said(command: Sequence[str], word: str) -> str:
    """Return the line with a word in what a command says of itself, without its details."""
    done = finished(command, Path.cwd(), environment=_environment())
    lines = [line.strip() for line in (*done.stdout.splitlines(), *done.stderr.splitlines())]
    line = next((line for line in lines if word in line), Path(command[0]).name)
    return line.removeprefix("info: ").partition(" (")[0].replace('"', "")


def checked(
    folder: Path,
    sources: Sequence[Path],
    resources: Path,
    main: str,
    tools: str,
    *,
    note: str,
    libraries: Path | None = None,
) -> Proof:
    """Compile Kotlin and run its `main`, which prints `PASS` if every value is right.

    Args:
        folder: where the classes are written.
        sources: the Kotlin files.
        resources: folder of the files that the program reads.
        main: the class that holds `main`.
        tools: see `Proof`.
        note: see `Proof`.
        libraries: folder of the libraries of C that the program loads.

    Raises:
        RuntimeUnavailable: the compiler or the virtual machine is missing.
    """
    archive = folder / "check.jar"
    command = [tool("kotlinc", _KOTLIN), *map(str, sources), "-include-runtime", "-d", str(archive)]
    try:
        done = finished(command, folder, environment=_environment())
    except NotMeasured as error:
        return Proof(tools, "fail", (str(error),), note)
    if done.returncode or not archive.is_file():
        return Proof(tools, "fail", (complaint(done),), note)
    classes = os.pathsep.join((str(archive), str(resources)))
    loads = () if libraries is None else ("-Xcheck:jni", f"-Djava.library.path={libraries}")
    java = [tool("java", _JDK), *loads, "-cp", classes, main]
    return passed(java, folder, tools, note=note)


def _environment() -> dict[str, str]:
    """Return the flags of a short start, unless the user has flags of their own."""
    return {"JAVA_OPTS": os.environ.get("JAVA_OPTS", _QUICK)}
