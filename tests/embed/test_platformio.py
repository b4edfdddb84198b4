"""`library.json` under PlatformIO's own parser and schema, of the package `platformio`.

The package has a virtual environment of its own, `build/platformio`: its requirements are no
business of edgeae's.
"""

import json
import subprocess
from pathlib import Path

import pytest

from edgeae.embed.record import Package
from edgeae.embed.write import embed

ROOT = Path(__file__).resolve().parents[2]
PYTHON = ROOT / "build/platformio/bin/python"
REMEDY = "python3 -m venv build/platformio && build/platformio/bin/pip install platformio"
#: Parses and checks a manifest as `pio pkg publish` does. The list of SPDX would be downloaded; a
#: short one stands in for it.
PROGRAM = """
import json, sys
from platformio.package.manifest.parser import ManifestParserFactory
from platformio.package.manifest.schema import ManifestSchema

listed = {"licenses": [{"licenseId": name} for name in ("MIT", "Apache-2.0")]}
ManifestSchema.load_spdx_licenses = staticmethod(lambda: listed)
found = ManifestParserFactory.new_from_dir(sys.argv[1]).as_dict()
print(json.dumps(ManifestSchema().load_manifest(found)))
"""


@pytest.fixture
def checked(tmp_path):
    """Return a function that checks a written folder by PlatformIO's schema."""
    if not PYTHON.is_file():
        pytest.fail(f"PlatformIO is missing: {REMEDY}", pytrace=False)

    def run(folder: Path) -> subprocess.CompletedProcess[str]:
        environment = {"PLATFORMIO_CORE_DIR": str(tmp_path / "core"), "PATH": "/usr/bin:/bin"}
        command = [str(PYTHON), "-c", PROGRAM, str(folder)]
        return subprocess.run(
            command, capture_output=True, text=True, check=False, env=environment, timeout=120
        )

    return run


@pytest.mark.system
@pytest.mark.parametrize(
    "package",
    [
        Package(),
        Package(
            "3.21.4",
            'a "d" & <e> \\ é',
            "MIT OR Apache-2.0",
            "Ada L. <a@example.org>",
            "https://e.org",
        ),
    ],
)
def test_the_manifest_is_valid_for_platformio(package, tiny_bundle, tmp_path, checked):
    embed(tiny_bundle().root, "platformio", tmp_path / "out", package=package)
    done = checked(tmp_path / "out")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert (said["name"], said["version"]) == ("tiny", package.version)
    assert said.get("license", "") == package.license
    assert said.get("homepage", "") == package.url
    (example,) = said["examples"]
    assert example["base"] == "examples/self_test"
    assert {"platformio.ini", "src/main.cpp"} <= set(example["files"])


@pytest.mark.system
def test_the_schema_would_notice(tiny_bundle, tmp_path, checked):
    embed(tiny_bundle().root, "platformio", tmp_path / "out")
    path = tmp_path / "out" / "library.json"
    path.write_text(path.read_text().replace('"0.1.0"', '"new"'))
    done = checked(tmp_path / "out")
    assert done.returncode != 0 and "version" in done.stderr
