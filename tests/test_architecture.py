import ast
import importlib
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from edgeae.runtimes import RUNTIMES

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "edgeae"
#: What makes a module part of the TensorFlow wing.
TENSORFLOW = ("tensorflow", "tf_keras", "keras", "tensorflow_model_optimization", "tf2onnx")
#: The room through which others reach it.
DOOR = "edgeae.originals"
#: Where the wing may be.
WING = (
    DOOR,
    "edgeae.comparison",
    "edgeae.compression",
    "edgeae.conversion",
    "edgeae.data.download",
    "edgeae.importing.keras.original_keras2",
    "edgeae.importing.keras.original_keras3",
    "edgeae.importing.keras.rebuild",
    "edgeae.importing.onnx.from_tflite",
    "edgeae.importing.saved_model.file",
    "edgeae.importing.saved_model.freezing",
    "edgeae.importing.saved_model.frozen_graph",
    "edgeae.importing.saved_model.resizes",
    "edgeae.importing.tfmot.saved_model",
    "edgeae.runtimes.tensorflow",
    "edgeae.sensitivity",
    "edgeae.sweep",
    "edgeae.training",
)
#: What runs on a device. The table of runtimes names modules by string, so they stand here too.
DEVICE = (
    "edgeae",
    "edgeae.api.bundle",
    "edgeae.api.child",
    "edgeae.api.judging",
    "edgeae.api.notebook",
    "edgeae.api.shell",
    "edgeae.cli.main",
    "edgeae.detect.run",
    "edgeae.detect.table",
    "edgeae.formats.inspection",
    "edgeae.live.write",
    "edgeae.report.write",
    "edgeae.runtimes.c_host",
    "edgeae.runtimes.c_serial",
    "edgeae.runtimes.litert",
    "edgeae.runtimes.litert_gpu",
    "edgeae.runtimes.null",
    "edgeae.runtimes.onnxruntime",
    "edgeae.timing.bench",
    "edgeae.timing.board_worker",
    "edgeae.timing.emulated_worker",
    "edgeae.timing.table",
    "edgeae.timing.worker",
    "edgeae.runtimes.child",
    "edgeae.verify.images",
    "edgeae.verify.run",
    "edgeae.verify.table",
)
#: What stands at the top of the package, known to every room, or known to none.
TOP = {"edgeae", "edgeae.__main__", "edgeae.errors", "edgeae.pytest_plugin"}
#: Room → the rooms that it knows, from the ground up: only such as stand before it.
ROOMS = {
    "text": "",
    "system": "",
    "reading": "text system",
    "scheduling": "system reading",
    "metrics": "reading",
    "recipe": "text system reading metrics",
    "plotting": "text",
    "artifacts": "system reading metrics recipe",
    "originals": "reading artifacts",
    "data": "system scheduling reading metrics artifacts originals",
    "families": "reading plotting artifacts data",
    "formats": "text system reading metrics artifacts",
    "codegen": "system metrics formats",
    "runtimes": "system metrics recipe artifacts originals formats codegen",
    "tracking": "system reading artifacts families formats",
    "training": (
        "text system scheduling reading metrics plotting artifacts families originals data"
    ),
    "compression": "system reading metrics recipe artifacts originals data training",
    "importing": (
        "text system reading metrics recipe artifacts originals data formats runtimes training"
    ),
    "verify": "text system scheduling reading metrics recipe artifacts data formats runtimes",
    "detect": "text reading metrics recipe artifacts data runtimes verify",
    "timing": (
        "text system scheduling reading metrics recipe artifacts formats codegen runtimes verify"
    ),
    "embed": (
        "system reading metrics recipe artifacts data formats codegen runtimes verify detect timing"
    ),
    "conversion": (
        "text system scheduling reading metrics recipe artifacts originals data formats runtimes "
        "training compression timing"
    ),
    "baselines": "system reading artifacts formats timing",
    "gate": "text system reading metrics artifacts formats runtimes verify detect timing baselines",
    "summary": (
        "text system reading metrics recipe artifacts data families runtimes verify detect timing"
    ),
    "pick": "text system reading artifacts timing summary",
    "report": (
        "text system metrics plotting artifacts families runtimes verify detect timing summary"
    ),
    "live": "system metrics plotting artifacts data codegen embed summary report",
    "scaffold": "system embed gate",
    "sensitivity": (
        "text system scheduling reading metrics recipe plotting artifacts originals formats "
        "training compression conversion"
    ),
    "comparison": "system recipe artifacts conversion summary",
    "sweep": (
        "text system scheduling reading metrics recipe plotting artifacts data families runtimes "
        "training timing conversion pick report"
    ),
    "api": (
        "text system reading metrics recipe plotting artifacts data families runtimes training "
        "verify detect timing embed conversion gate"
    ),
    "cli": (
        "text system scheduling reading recipe artifacts families data formats codegen runtimes "
        "tracking training importing conversion verify detect timing baselines gate summary pick "
        "report live scaffold sensitivity embed comparison sweep api"
    ),
}
#: Rooms that name modules of a later room without importing them: the table of families says where
#: each is built.
TABLES = {"families": {"training"}}
#: Rooms whose functions open a wing only when they are called.
OPENERS = ("cli", "api")
#: What a command may import at the top of its file: `--help` reads all of them.
LIGHT = {None, "cli", "text", "system", "reading"}
#: Who may write to standard output or error.
WRITERS = {"edgeae.cli.output", "edgeae.cli.streams", "edgeae.text.progress"}
#: TensorFlow's chatter, shown if its import fails; a child's chatter, for EDGEAE_DEBUG=1.
WRITER_EXCEPTIONS = {"edgeae.originals.legacy_keras", "edgeae.system.children"}


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = {module_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}


@cache
def tree(module: str) -> ast.Module:
    return ast.parse(FILES[module].read_text(encoding="utf-8"))


@cache
def imports(module: str) -> frozenset[str]:
    """Every module that a module imports, at its top or inside a function; absolute names."""
    found: set[str] = set()
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: a relative import"
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if name in FILES else node.module for name in names}
    return frozenset(found)


def own_imports(module: str) -> set[str]:
    return {name for name in imports(module) if name.split(".")[0] == "edgeae"}


@cache
def named(module: str) -> frozenset[str]:
    """Every module that a module names in a string: a child process, an entry of a table."""
    strings = (node.value for node in ast.walk(tree(module)) if isinstance(node, ast.Constant))
    return frozenset(name for name in strings if name in FILES and name != "edgeae")


def room(module: str) -> str | None:
    """Return a module's room, or None for one at the top."""
    return None if module in TOP else module.split(".")[1]


def inside(module: str, places: tuple[str, ...]) -> bool:
    return any(module == place or module.startswith(f"{place}.") for place in places)


def is_tensorflow(name: str) -> bool:
    return name.split(".", maxsplit=1)[0] in TENSORFLOW or inside(name, (DOOR,))


def reached_from(start: str) -> Iterator[tuple[str, ...]]:
    """Yield the path to each module that `start` reaches, itself first; `OPENERS` open no wing."""
    paths = {start: (start,)}
    left = [start]
    while left:
        module = left.pop()
        yield paths[module]
        for name in sorted(own_imports(module)):
            assert name in FILES, f"{module} imports {name}, which does not exist"
            # a command opens a wing in its own function, only when it is run
            opens = room(module) in OPENERS and room(name) not in OPENERS and inside(name, WING)
            if name not in paths and not opens:
                paths[name] = (*paths[module], name)
                left.append(name)


def violations(found: dict[str, set[str]]) -> dict[str, list[str]]:
    """Return the modules that have any, so that a failure names all of them."""
    return {module: sorted(names) for module, names in found.items() if names}


def test_tensorflow_is_a_wing():
    outside = [module for module in FILES if not inside(module, WING)]
    touched = {
        module: {name for name in imports(module) if is_tensorflow(name)} for module in outside
    }
    assert violations(touched) == {}


@pytest.mark.parametrize("start", DEVICE)
def test_nothing_on_a_device_reaches_the_wing(start):
    assert start in FILES, f"{start} does not exist"
    for path in reached_from(start):
        assert not inside(path[-1], WING), " → ".join(path)
        assert not any(map(is_tensorflow, imports(path[-1]))), " → ".join(path)


def test_the_walk_would_notice():
    """The wing itself is found by the same walk, also behind an import inside a function."""
    door = "edgeae.originals.legacy_keras"
    (path,) = [path for path in reached_from("edgeae.runtimes.tensorflow") if path[-1] == door]
    assert path[0] == "edgeae.runtimes.tensorflow"
    assert "edgeae.formats.onnx.file" in imports("edgeae.formats.inspection")  # lazy
    assert "edgeae.training.train" in imports("edgeae.cli.train")  # lazy


@pytest.mark.parametrize("entry", RUNTIMES.values(), ids=list(RUNTIMES))
def test_a_runtime_is_one_file_outside_or_inside_the_wing(entry):
    assert entry.module in FILES
    assert (entry.remedy == "pip install 'edgeae[host]'") == inside(entry.module, WING)


def test_a_command_opens_a_wing_only_when_it_is_run():
    for module in FILES:
        if room(module) != "cli":
            continue
        for node in tree(module).body:  # the top of the file alone
            if isinstance(node, ast.ImportFrom) and str(node.module).startswith("edgeae"):
                names = {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
                known = {name for name in names if name in FILES}
                assert all(room(name) in LIGHT for name in known), f"{module}: {known}"


def test_a_function_of_the_api_opens_a_wing_only_when_it_is_called():
    for module in FILES:
        if room(module) != "api":
            continue
        for node in tree(module).body:
            if isinstance(node, ast.ImportFrom):
                names = {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
                assert not any(inside(name, WING) for name in names), f"{module}: {names}"


def test_there_is_no_import_cycle():
    done: set[str] = set()

    def visit(module: str, path: tuple[str, ...]) -> None:
        assert module not in path, " → ".join((*path[path.index(module) :], module))
        if module not in done:
            for name in own_imports(module) & FILES.keys():
                # `edgeae.__version__` needs the package's own file
                if name != "edgeae":
                    visit(name, (*path, module))
            done.add(module)

    for module in FILES:
        visit(module, ())


def test_nothing_else_stands_at_the_top():
    modules = {path.stem for path in PACKAGE.glob("*.py")} - {"__init__"}
    assert {f"edgeae.{name}" for name in modules} == TOP - {"edgeae"}
    assert {path.parent.name for path in PACKAGE.glob("*/__init__.py")} == set(ROOMS)


def test_rooms_know_each_other_in_one_direction():
    before: set[str] = set()
    for name, known in ROOMS.items():
        assert set(known.split()) <= before, f"{name} knows a room that stands after it"
        before.add(name)


@pytest.mark.parametrize("name", ROOMS)
def test_a_room_knows_what_its_row_says_and_nothing_else(name):
    modules = [module for module in FILES if room(module) == name]
    imported = {room(other) for module in modules for other in own_imports(module)}
    listed = {room(other) for module in modules for other in named(module)}
    known = (imported | (listed - TABLES.get(name, set()))) - {name, None}
    assert known == set(ROOMS[name].split())
    assert listed >= TABLES.get(name, set())


def test_what_stands_at_the_top_is_for_every_room_or_for_none():
    for_all = {"edgeae", "edgeae.errors"}
    in_rooms = [module for module in FILES if room(module) is not None]
    top = {module: own_imports(module) & (TOP - for_all) for module in in_rooms}
    assert violations(top) == {}


DASK = ("dask", "distributed")


def test_dask_is_imported_only_by_functions_of_the_room_that_needs_it():
    for module in FILES:
        found = {name for name in imports(module) if name.split(".")[0] in DASK}
        assert not found or room(module) == "scheduling", f"{module}: {found}"
        top = ast.Module(
            [node for node in tree(module).body if "Import" in type(node).__name__], []
        )
        assert not any(name in ast.unparse(top) for name in ("import dask", "distributed")), module
    assert "distributed" in " ".join(imports("edgeae.scheduling.cluster"))  # the walk would notice


def test_mlflow_is_imported_only_by_the_child_that_logs():
    found = [
        module for module in FILES if any(name.startswith("mlflow") for name in imports(module))
    ]
    assert found == ["edgeae.tracking.mlflow_child"]
    imported = {other for module in FILES for other in own_imports(module)}
    assert "edgeae.tracking.mlflow_child" not in imported  # it is named, as a child process


HEAVY = (
    *("tensorflow", "keras", "tf_keras", "onnx", "onnxruntime", "ai_edge_litert", "matplotlib"),
    *DASK,
    "mlflow",
)


def test_help_answers_at_once_and_loads_nothing_heavy():
    program = (
        "import resource, sys\n"
        "sys.argv = ['edgeae', '--help']\n"
        "try:\n"
        "    import edgeae.cli; edgeae.cli.main()\n"
        "finally:\n"
        "    used = resource.getrusage(resource.RUSAGE_SELF)\n"
        "    loaded = sorted({name.split('.')[0] for name in sys.modules})\n"
        "    print(used.ru_utime + used.ru_stime, *loaded, file=sys.stderr)\n"
    )
    seconds = []
    for _ in range(3):
        command = [sys.executable, "-c", program]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        used, *loaded = done.stderr.split()
        assert set(loaded) & {*HEAVY, "numpy"} == set()
        assert "typer" in loaded and "bench" in done.stdout
        seconds.append(float(used))
    assert min(seconds) < 0.5  # of processor time: a wall clock would time the neighbours


def test_a_file_is_one_concept():
    vague = {"utils", "util", "common", "helpers", "helper", "manager", "misc"}
    assert violations({module: vague & set(module.split(".")) for module in FILES}) == {}
    lines = {
        module: len(path.read_text(encoding="utf-8").splitlines()) for module, path in FILES.items()
    }
    assert {module: number for module, number in lines.items() if number > 450} == {}


SHORT = 50


def test_a_short_file_has_a_reason():
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    section = page.partition("## Short files")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (`.+`) \| \S.* \|$", section, re.MULTILINE)
    patterns = [pattern for row in rows for pattern in re.findall(r"`([^`]+)`", row)]
    listed = {pattern: set(PACKAGE.glob(pattern)) for pattern in patterns}
    short = {
        path
        for path in FILES.values()
        if len(path.read_text(encoding="utf-8").splitlines()) <= SHORT
    }
    assert short - set().union(*listed.values()) == set()
    assert [pattern for pattern, paths in listed.items() if not paths & short] == []


def test_a_module_says_what_it_is():
    silent = [module for module in FILES if not (ast.get_docstring(tree(module)) or "").strip()]
    assert silent == []


def assigned_all(module: str) -> list[str] | None:
    for node in tree(module).body:
        if isinstance(node, ast.Assign) and [ast.unparse(target) for target in node.targets] == [
            "__all__"
        ]:
            return list(ast.literal_eval(node.value))
    return None


def test_all_names_exist():
    listed = {module: names for module in FILES if (names := assigned_all(module)) is not None}
    assert {module for module, names in listed.items() if len(set(names)) < len(names)} == set()
    unknown = {module: set(names) - known_names(module, names) for module, names in listed.items()}
    assert violations(unknown) == {}


def known_names(module: str, names: list[str]) -> set[str]:
    """Return what a module has: what it binds, and those of `names` that it makes on first use."""
    if inside(module, WING):  # imports TensorFlow: read, not imported
        source = tree(module)
        known = {getattr(node, "name", None) for node in source.body} | {
            ast.unparse(target)
            for node in ast.walk(source)
            if isinstance(node, ast.Assign | ast.AnnAssign)
            for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        }
        known |= {
            alias.asname or alias.name
            for node in ast.walk(source)
            if isinstance(node, ast.Import | ast.ImportFrom)
            for alias in node.names
        }
    else:
        loaded = importlib.import_module(module)
        known = {name for name in names if hasattr(loaded, name)}
    return known


def writes(module: str) -> list[int]:
    """Lines that print, or that touch standard output or error."""
    return [
        node.lineno
        for node in ast.walk(tree(module))
        if (
            isinstance(node, ast.Attribute)
            and ast.unparse(node) in ("sys.stdout", "sys.stderr", "sys.__stdout__", "typer.echo")
        )
        or (isinstance(node, ast.Call) and ast.unparse(node.func) == "print")
    ]


def test_only_the_command_line_and_progress_write():
    writing = {module: lines for module in FILES if (lines := writes(module))}
    flushes = FILES["edgeae.cli.main"].read_text(encoding="utf-8").count("sys.stdout.flush()")
    assert len(writing.pop("edgeae.cli.main", [])) == flushes
    assert set(writing) == WRITERS | WRITER_EXCEPTIONS, writing
