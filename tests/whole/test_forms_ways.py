"""Every form of `edgeae embed`, of `deep` and `conv` under int8: twice the same, and `PASS`."""

import json
from pathlib import Path

import pytest
from edgeae_cli import edgeae

from edgeae.embed.table import FORMS

pytestmark = [pytest.mark.tensorflow, pytest.mark.ways]

#: Forms whose toolchain no package of Debian, PyPI or npm brings: their proof says what is missing.
WITHOUT_TOOLS = {"swift"}


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    place = tmp_path_factory.mktemp("forms")
    for family in ("deep", "conv"):
        for words in (("train", "--data", "digits", "--epochs", "3"), ("export", "-r", "int8")):
            done = edgeae(words[0], family, *words[1:], cwd=place, timeout=600)
            assert done.returncode == 0, done.stdout + done.stderr
    return place


def contents(folder: Path) -> dict[str, bytes]:
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("family", ["deep", "conv"])
def test_a_form_is_written_twice_the_same_and_its_example_passes(family, form, project):
    for name in ("one", "two"):
        words = ("embed", f"build/{family}/int8", "--as", form, "--out", f"{name}/{family}-{form}")
        done = edgeae(*words, cwd=project, timeout=600)
        assert done.returncode == 0, done.stdout + done.stderr
    folder = f"one/{family}-{form}"
    assert contents(project / folder) == contents(project / f"two/{family}-{form}")
    done = edgeae(
        "verify", folder, "--runtime", "litert-reference", "--json", cwd=project, timeout=900
    )
    (found,) = json.loads(done.stdout)
    proof = found["proof"]
    wanted = "unavailable" if form in WITHOUT_TOOLS and not proof["tools"] else "pass"
    assert proof["verdict"] == wanted, proof
    assert done.returncode == (0 if wanted == "pass" else 3), done.stderr
    assert {row["verdict"] for row in found["runtimes"]["rows"]} == {"pass"}
