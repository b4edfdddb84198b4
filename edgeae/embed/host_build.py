"""Builds a form's example with the compilers of this machine and runs it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgeae.codegen import compiler
from edgeae.embed.form import Proof
from edgeae.embed.proving import complaint, finished, passed
from edgeae.errors import NotMeasured

#: Small headers and entry points that stand where a board's own would be, one folder a system.
STAND_INS = Path(__file__).parent / "stand_ins"
#: C++ of boards: no exceptions, no run-time types. Then the C compiler can link it.
_CPP = (
    *("-std=c++11", "-fno-exceptions", "-fno-rtti", "-fno-threadsafe-statics"),
    *("-Wall", "-Wextra", "-Werror", "-O1"),
)


@dataclass(frozen=True)
class HostProgram:
    """An example that the host's compilers build.

    Attributes:
        c, cpp: sources, as paths below the folder or absolute ones.
        includes: folders with headers, likewise.
        defines: macros.
        forced: headers that each source of C++ begins with, although it does not include them.
        name: the program's file, below the folder.
    """

    c: Sequence[str | Path]
    cpp: Sequence[str | Path] = ()
    includes: Sequence[str | Path] = ()
    defines: Sequence[str] = ()
    forced: Sequence[str] = ()
    name: str = "example_of_host"

    @property
    def building(self) -> list[list[str]]:
        """The commands that build it, for the folder."""
        flags = [*(f"-I{folder}" for folder in self.includes), *(f"-D{it}" for it in self.defines)]
        forced = [word for header in self.forced for word in ("-include", header)]
        objects = [f"{Path(source).stem}.host.o" for source in self.cpp]
        cpp = [
            [*compiler.host_cpp(), *_CPP, *flags, *forced, "-x", "c++", "-c", str(source), "-o", it]
            for source, it in zip(self.cpp, objects, strict=True)
        ]
        sources = [str(source) for source in self.c]
        c = [*compiler.host(), *compiler.STRICT, "-O1", *flags, *sources, *objects]
        return [*cpp, [*c, "-lm", "-o", self.name]]

    @property
    def commands(self) -> list[list[str]]:
        """The commands that build it and run it, for the folder."""
        return [*self.building, [f"./{self.name}"]]


def proven(
    folder: Path, program: HostProgram, note: str, built: Sequence[HostProgram] = ()
) -> Proof:
    """Build an example with the host's compilers and run it.

    Args:
        folder: a copy of the written folder.
        program: what to build.
        note: what was not run for real, see `Proof`.
        built: further examples, which are built and not run, because they wait for a host.

    Raises:
        RuntimeUnavailable: there is no compiler.
    """
    before = [command for item in built for command in item.building]
    return in_order([*before, *program.commands], folder, compiler.version(), note=note)


def in_order(
    commands: Sequence[Sequence[str]],
    folder: Path,
    tools: str,
    *,
    note: str = "",
    environment: Mapping[str, str] | None = None,
) -> Proof:
    """Run commands up to the first that fails; the last one has to print `PASS`.

    Args:
        commands: at least one command.
        folder: where they run.
        tools, note: see `Proof`.
        environment: variables beside those of this process, for the last command.
    """
    *before, last = commands
    for command in before:
        try:
            done = finished(command, folder)
        except NotMeasured as error:
            return Proof(tools, "fail", (str(error),), note)
        if done.returncode:
            return Proof(tools, "fail", (complaint(done),), note)
    return passed(last, folder, tools, note=note, environment=environment)
