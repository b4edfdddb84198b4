import ast
import importlib
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import typer

from edgeae.cli.main import app
from edgeae.runtimes import RUNTIMES

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "edgeae"
#: What makes a module part of the TensorFlow wing.
TENSORFLOW = ("tensorflow", "tf_keras", "keras", "tensorflow_model_optimization", "tf2onnx")
WING_DOORS = (
    "edgeae.legacy_keras",
    "edgeae.keras_parts",
    "edgeae.graph_parts",
    "edgeae.originals",
)
#: Where the wing may be.
WING = (
    "edgeae.training",
    "edgeae.compression",
    "edgeae.conversion",
    "edgeae.graph_parts",
    "edgeae.importing.freezing",
    "edgeae.importing.frozen_graph",
    "edgeae.importing.original_keras2",
    "edgeae.importing.original_keras3",
    "edgeae.importing.rebuild",
    "edgeae.importing.resizes",
    "edgeae.importing.saved_model_file",
    "edgeae.keras_parts",
    "edgeae.legacy_keras",
    "edgeae.originals",
    "edgeae.runtimes.tensorflow",
    "edgeae.sensitivity",
)
#: What runs on a device. The table of runtimes names modules by string, so they stand here too.
DEVICE = (
    "edgeae.cli.main",
    "edgeae.inspect",
    "edgeae.report.write",
    "edgeae.runtimes.litert",
    "edgeae.runtimes.litert_gpu",
    "edgeae.runtimes.null",
    "edgeae.runtimes.onnxruntime",
    "edgeae.timing.bench",
    "edgeae.timing.table",
    "edgeae.timing.worker",
    "edgeae.verify.child",
    "edgeae.verify.images",
    "edgeae.verify.stage",
    "edgeae.verify.table",
)
#: What every module may know, root modules too: data, and what it means.
GROUND = {"recipe"}
#: Room → the rooms it may know, beside itself, the ground and the root modules. `cli` may know
#: every room.
ROOMS = {
    "recipe": set(),
    "data": set(),
    "formats": set(),
    "runtimes": {"formats"},
    "training": {"data"},
    "compression": {"training", "data"},
    "importing": {"training", "formats", "runtimes", "data"},
    "conversion": {"training", "compression", "formats", "runtimes", "data"},
    "verify": {"runtimes", "formats", "data"},
    "timing": {"verify", "runtimes", "formats"},
    "baselines": {"timing", "formats"},
    "gate": {"baselines", "timing", "verify", "runtimes", "formats"},
    "report": {"verify", "timing", "baselines", "runtimes"},
    "scaffold": {"gate"},
    "sensitivity": {
        "conversion",
        "compression",
        "training",
        "formats",
        "report",
    },
}
#: Root modules that know a room: one stage that is a single file, and one that drives a session;
#: the plugin stands where pytest finds it.
ROOT_EXCEPTIONS = {
    "inspect": {"formats"},
    "inference": {"runtimes"},
    "pytest_plugin": {"gate"},
}
#: Who may write to standard output or error.
WRITERS = {"edgeae.cli.output", "edgeae.cli.streams", "edgeae.progress"}
#: TensorFlow's chatter, shown if its import fails; a child's chatter, for EDGEAE_DEBUG=1.
WRITER_EXCEPTIONS = {"edgeae.legacy_keras", "edgeae.children"}


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


def room(module: str) -> str | None:
    """Return a module's room, or None for a root module."""
    parts = module.split(".")
    return parts[1] if len(parts) > 2 or (PACKAGE / parts[-1]).is_dir() else None


def inside(module: str, places: tuple[str, ...]) -> bool:
    return any(module == place or module.startswith(f"{place}.") for place in places)


def is_tensorflow(name: str) -> bool:
    return name.split(".", maxsplit=1)[0] in TENSORFLOW or name in WING_DOORS


def reached_from(start: str) -> Iterator[tuple[str, ...]]:
    """Yield the path to each module that `start` reaches, itself first; commands open no wing."""
    paths = {start: (start,)}
    left = [start]
    while left:
        module = left.pop()
        yield paths[module]
        for name in sorted(own_imports(module)):
            assert name in FILES, f"{module} imports {name}, which does not exist"
            # a command opens a wing in its own function, only when it is run
            opens = room(module) == "cli" and room(name) != "cli" and inside(name, WING)
            if name not in paths and not opens:
                paths[name] = (*paths[module], name)
                left.append(name)


@pytest.mark.parametrize("module", FILES)
def test_tensorflow_is_a_wing(module):
    touched = sorted(name for name in imports(module) if is_tensorflow(name))
    if not inside(module, WING):
        assert touched == []


@pytest.mark.parametrize("start", DEVICE)
def test_nothing_on_a_device_reaches_the_wing(start):
    assert start in FILES, f"{start} does not exist"
    for path in reached_from(start):
        assert not inside(path[-1], WING), " → ".join(path)
        assert not any(map(is_tensorflow, imports(path[-1]))), " → ".join(path)


def test_the_walk_would_notice():
    """The wing itself is found by the same walk, also behind an import inside a function."""
    (path,) = [
        path for path in reached_from("edgeae.runtimes.tensorflow") if path[-1] == WING_DOORS[0]
    ]
    assert path[0] == "edgeae.runtimes.tensorflow"
    assert "edgeae.formats.onnx_file" in imports("edgeae.inspect")  # lazy
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
                assert all(room(name) in ("cli", None) for name in known), f"{module}: {known}"


def test_there_is_no_import_cycle():
    done: set[str] = set()

    def visit(module: str, path: tuple[str, ...]) -> None:
        assert module not in path, " → ".join((*path[path.index(module) :], module))
        if module not in done:
            for name in own_imports(module) & FILES.keys():
                # `from edgeae import bundle` and `edgeae.__version__` need the package's own file
                if name != "edgeae":
                    visit(name, (*path, module))
            done.add(module)

    for module in FILES:
        visit(module, ())


def test_rooms_know_each_other_in_one_direction():
    assert {room(module) for module in FILES} - {None} <= {"cli", *ROOMS}
    order: list[str] = []
    left = dict(ROOMS)
    while left:  # the table itself has no cycle
        free = [name for name, known in left.items() if known <= set(order)]
        assert free, f"a cycle among {sorted(left)}"
        order += free
        left = {name: known for name, known in left.items() if name not in free}


@pytest.mark.parametrize("module", [module for module in FILES if room(module) != "cli"])
def test_imports_run_one_way(module):
    home = room(module)
    if home is None:
        if module == "edgeae.__main__":
            return
        allowed = ROOT_EXCEPTIONS.get(module.removeprefix("edgeae."), set())
    else:
        allowed = ROOMS[home] | {home}
    known = {room(name) for name in own_imports(module)} - {None, *GROUND}
    assert known <= allowed, f"{module} knows {sorted(known - allowed)}"


def test_no_exception_outlives_its_reason():
    for name, rooms in ROOT_EXCEPTIONS.items():
        known = {room(item) for item in own_imports(f"edgeae.{name}")} - {None, *GROUND}
        assert known == rooms
    for home, rooms in ROOMS.items():
        known = {
            room(item) for module in FILES if room(module) == home for item in own_imports(module)
        }
        assert known >= rooms, f"{home} does not know {sorted(rooms - known)}"


HEAVY = ("tensorflow", "keras", "tf_keras", "onnx", "onnxruntime", "ai_edge_litert", "matplotlib")


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


@pytest.mark.parametrize("module", FILES)
def test_a_file_is_one_concept(module):
    path = FILES[module]
    vague = {"utils", "util", "common", "helpers", "helper", "manager", "misc"}
    assert not vague & set(module.split("."))
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 450


@pytest.mark.parametrize("module", FILES)
def test_a_module_says_what_it_is(module):
    docstring = ast.get_docstring(tree(module))
    assert docstring and docstring.strip()


def assigned_all(module: str) -> list[str] | None:
    for node in tree(module).body:
        if isinstance(node, ast.Assign) and [ast.unparse(target) for target in node.targets] == [
            "__all__"
        ]:
            return list(ast.literal_eval(node.value))
    return None


@pytest.mark.parametrize("module", [module for module in FILES if assigned_all(module)])
def test_all_names_exist_and_are_sorted(module):
    names = assigned_all(module)
    assert len(set(names)) == len(names)
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
        known = set(vars(importlib.import_module(module)))
    assert set(names) <= known


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


@pytest.mark.parametrize("module", FILES)
def test_only_the_command_line_and_progress_write(module):
    if module in WRITERS | WRITER_EXCEPTIONS:
        assert writes(module)
    elif module == "edgeae.cli.main":
        source = FILES[module].read_text(encoding="utf-8")
        assert len(writes(module)) == source.count("sys.stdout.flush()")
    else:
        assert writes(module) == []


def readme() -> str:
    return (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", RUNTIMES)
def test_a_runtime_is_documented(name):
    assert re.search(rf"(?<![\w-]){name}(?![\w-])", readme())


@pytest.mark.parametrize("name", typer.main.get_command(app).commands)
def test_a_command_is_documented(name):
    assert re.search(rf"\bedgeae {name}\b", readme())
