"""Fixtures for every test. The tiny model they serve is described in `tiny.py`.

A test can also `import tiny` (or `child_examples`): pytest puts this folder on the path.
Nothing here imports TensorFlow or touches the network.
"""

import importlib.util
import os
import shutil
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import odd_runtimes
import pytest
import tiny
import warm
from hypothesis import settings

from edgeae.artifacts.bundle import Bundle
from edgeae.formats.tflite.graph import Graph
from edgeae.runtimes.protocol import VerifiedArtifact

# The same examples in every run, and no folder of examples left behind.
settings.register_profile("edgeae", derandomize=True, deadline=None, database=None)
settings.load_profile("edgeae")

# Whoever runs the tests may have settings of git and drivers of a GPU, and may run them from a git
# hook, on a coloured terminal or in another language. No test sees any of it.
_FOREIGN = (
    *("GIT_", "GITHUB_", "LANG", "LC_", "VK_"),
    *("COLUMNS", "EDGEAE_DEBUG", "FORCE_COLOR", "NO_COLOR", "PYTEST_ADDOPTS"),
    "PYTHONDONTWRITEBYTECODE",  # each process would compile what it imports
)
for _name in [name for name in os.environ if name.startswith(_FOREIGN)]:
    del os.environ[_name]
os.environ |= {"LC_ALL": "C.UTF-8", "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}

# Tests write thousands of small files to the disk and wait for it, a third of the whole time. In
# memory, where there is room, nobody waits.
_MEMORY = Path("/dev/shm")
if os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free > 2 * 2**30:
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(_MEMORY))

# Of the processes that tests start: as many tests as there are cores run at once, and threads of
# BLAS that wait for a core spin. A tenth of all CPU time goes into that.
for _threads in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ.setdefault(_threads, "1")

#: Files that take longest, longest first; the others follow. What is left at the end of a run is
#: short then, and no worker goes on for minutes alone.
_LONGEST = (
    "test_whole_way.py",
    "test_cli.py",
    "test_gate_cli.py",
    "test_family_exports.py",
    "test_sensitivity_cli.py",
    "test_onnx_forms.py",
    "test_steps.py",
    "test_bench.py",
    "test_resume.py",
    "test_recipe_promises.py",
    "test_import_bare.py",
    "test_int16x8.py",
    "test_matrix.py",
    "test_import_keras.py",
    "test_verify.py",
    "test_train_cli.py",
    "test_calibrations.py",
    "test_zoo.py",
    "test_fuzz.py",
    "test_families.py",
    "test_selftest.py",
    "test_int4.py",
    "test_gate_stage.py",
    "test_compression.py",
    "test_sample.py",
    "test_probe.py",
    "test_import_broken.py",
)

#: What the tests need beyond edgeae's core → how it is installed.
_NEEDED = {
    "onnx": "onnx",
    "onnxruntime": "",
    "sklearn": "host",
    "tomli_w": "host",
    "ai_edge_litert": "",
    "pyarrow": "parquet",
    "distributed": "dask",
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take longest (`--no-loadscope-reorder` keeps that order)."""
    # seconds of each worker; and no test would notice a command that imports it in its own process
    assert "tensorflow" not in sys.modules, "a module of the tests imports TensorFlow"
    place = {name: number for number, name in enumerate(_LONGEST)}
    items.sort(key=lambda item: place.get(item.path.name, len(place)))


@pytest.fixture(scope="session", autouse=True)
def everything_is_installed() -> None:
    """Fail, never skip, when an engine is missing, and say what installs it."""
    for module, extra in _NEEDED.items():
        if importlib.util.find_spec(module) is None:
            package = f"edgeae[{extra}]" if extra else "edgeae"
            pytest.fail(f"{module} is missing: pip install '{package}'", pytrace=False)


@pytest.fixture(scope="session", autouse=True)
def own_host_lock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Let tests wait for no bench of this machine but their own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EDGEAE_LOCK", str(tmp_path_factory.mktemp("lock") / "edgeae-bench.lock"))
        yield


@pytest.fixture(scope="session", autouse=True)
def no_repository_around(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Let git look for no repository above the folders of tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path_factory.getbasetemp()))
        yield


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make any attempt to connect, from this process, a failure."""

    def refuse(*arguments: object, **settings: object) -> None:
        raise AssertionError("the test reached for the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.fixture(autouse=True)
def warm_children(request: pytest.FixtureRequest) -> Iterator[None]:
    """Let children that edgeae starts in this process import nothing twice; but `cold` ones."""
    if request.node.get_closest_marker("cold"):
        yield
    else:
        with warm.children():
            yield


@pytest.fixture(scope="session")
def int8_graph() -> Graph:
    """The tiny model in int8: image → hidden → code → reconstruction, tensors 0 to 3."""
    return tiny.int8_graph()


@pytest.fixture(scope="session")
def float_graph() -> Graph:
    """The same model in float32."""
    return tiny.float_graph()


@pytest.fixture(scope="session")
def int8_program() -> VerifiedArtifact:
    """The int8 autoencoder, ready for a runtime."""
    return tiny.program("autoencoder", "int8")


@pytest.fixture(scope="session")
def float_program() -> VerifiedArtifact:
    """The float32 autoencoder, ready for a runtime."""
    return tiny.program("autoencoder", "float32")


@pytest.fixture
def tiny_bundle(tmp_path: Path) -> Callable[..., Bundle]:
    """Build a bundle below `tmp_path`: `tiny_bundle()`, `tiny_bundle("float32")`.

    It lies at `tmp_path/build/<model>/<recipe>`; the dataset it was judged on beside it, at
    `tmp_path/build/<model>/tiny.npz`. Keywords are those of `tiny.write_bundle`.
    """

    def build(flavour: str = "int8", **options: object) -> Bundle:
        names = options.get("model") or "tiny", options.get("recipe") or flavour
        folder = tmp_path.joinpath("build", *map(str, names))
        return tiny.write_bundle(folder, flavour, **options)  # type: ignore[arg-type]

    return build


@pytest.fixture
def odd(tmp_path: Path) -> Iterator[None]:
    """The runtimes that misbehave, known here and in every child process."""
    (tmp_path / "site").mkdir()
    with odd_runtimes.known(tmp_path / "site"):
        yield
