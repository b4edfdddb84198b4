"""The CMake files of modules and components, run by CMake with stand-ins for the systems' commands.

Neither Zephyr nor ESP-IDF is here. The stand-ins in `tests/board_cmake` have the commands of theirs
that the written files use; a command by another name, a source or a folder that is not there, or a
macro that does not reach the example fails the build.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from edgeae_cli import edgeae_warm
from serial_programs import on_terminal

from edgeae.embed.host_build import STAND_INS
from edgeae.embed.record import Package
from edgeae.embed.write import embed

HERE = Path(__file__).resolve().parents[1] / "board_cmake"
PACKAGE = Package(
    "1.2.3", 'a "b" # [[ $HOME ${HOME} \\', "MIT", "A <a@example.org>", "https://e.org"
)
#: Form → the folder of its self-test, that of its serial sample, and the variable that names its
#: system's folder.
SYSTEMS = {
    "zephyr": ("sample", "sample_serial", "ZEPHYR_BASE"),
    "esp-idf": ("examples/self_test", "examples/serial", "IDF_PATH"),
}

_STRICT = "-DCMAKE_C_FLAGS=-Wall -Wextra -Werror"


def build(project: Path, form: str) -> subprocess.CompletedProcess[str]:
    """Configure and build a project, then run its app with an empty standard input."""
    cmake = shutil.which("cmake")
    if cmake is None:
        pytest.fail("cmake is missing: apt install cmake", pytrace=False)
    environment = {**os.environ, SYSTEMS[form][2]: str(HERE / form)}
    place = str(project / "made")
    commands = [
        # a macro that does not reach the example leaves its functions undeclared
        [cmake, "-S", str(project), "-B", place, f"-DSTAND_INS={STAND_INS}", _STRICT],
        [cmake, "--build", place],
        [f"{place}/app"],
    ]
    for command in commands:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            env=environment,
            timeout=120,
        )
        if done.returncode:
            break
    return done


@pytest.mark.system
@pytest.mark.parametrize("form", SYSTEMS)
def test_the_example_is_built_by_its_own_cmake_files(form, tiny_bundle, tmp_path):
    embed(tiny_bundle().root, form, tmp_path / "out", package=PACKAGE)
    done = build(tmp_path / "out" / SYSTEMS[form][0], form)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "PASS"
    assert list(tmp_path.rglob("tiny_encoder*.o")) and not list(tmp_path.rglob("*_serial*.o"))


@pytest.mark.system
@pytest.mark.parametrize("form", SYSTEMS)
def test_the_serial_sample_is_built_by_its_own_cmake_files(form, tiny_bundle, tmp_path):
    bundle = tiny_bundle()
    embed(bundle.root, form, tmp_path / "out", package=PACKAGE)
    project = tmp_path / "out" / SYSTEMS[form][1]
    done = build(project, form)
    assert done.returncode == 0, done.stderr
    with on_terminal(project / "made" / "app") as port:
        done = edgeae_warm("verify", str(bundle.root), "--port", port, "--golden", cwd=tmp_path)
    assert done.returncode == 0, done.stderr


@pytest.mark.system
@pytest.mark.parametrize(
    ("which", "setting", "missing"), [(0, "SELF_TEST", "self_test"), (1, "SERIAL", "edgeae_serial")]
)
@pytest.mark.parametrize("form", SYSTEMS)
def test_what_is_not_set_is_not_there(form, which, setting, missing, tiny_bundle, tmp_path):
    embed(tiny_bundle().root, form, tmp_path / "out")
    project = tmp_path / "out" / SYSTEMS[form][which]
    for name in ("prj.conf", "sdkconfig.defaults"):
        if (project / name).is_file():
            text = (project / name).read_text()
            (project / name).write_text(text.replace(f"_{setting}=y", f"_{setting}=n"))
    done = build(project, form)
    assert done.returncode != 0 and missing in done.stderr + done.stdout
