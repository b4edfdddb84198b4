"""Baselines: saved as artifacts, found by what a user names, and never taken on trust."""

import fcntl
import hashlib
import json
import os
import platform
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import tampering
import tiny
from edgeae_cli import ROOT, edgeae_here

from edgeae.artifacts.bundle import Bundle, open_bundle
from edgeae.baselines import save as saving
from edgeae.baselines.find import BaselineFile, Candidate, resolve
from edgeae.baselines.save import save
from edgeae.errors import BadInput, ManifestMismatch, NotMeasured, system_error
from edgeae.formats.tflite.graph import write as tflite_bytes
from edgeae.system.git import _inside

OLD = tflite_bytes(tiny.int8_graph(), "old")
NEW = tflite_bytes(tiny.int8_graph(), "new")
KEPT = Path("bench") / "baselines"


def git(folder: Path, *arguments: str) -> str:
    who = ["-c", "user.name=t", "-c", "user.email=t@t"]
    command = ["git", "-C", str(folder), *who, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def commit_all(folder: Path, message: str) -> str:
    if not (folder / ".git").exists():
        git(folder, "init", "-q")
    git(folder, "add", "-A", "-f")
    git(folder, "commit", "-q", "--allow-empty", "-m", message)
    return git(folder, "rev-parse", "HEAD")


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, hidden ones included, but git's own: path → bytes."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".git" not in path.parts
    }


def bare(path: Path, content: bytes = OLD) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def found(spec: str, project: Path, candidate: Candidate) -> BaselineFile | None:
    with resolve(spec, project) as baselines:
        return baselines.find(candidate)


def of(bundle: Bundle, part: str = "encoder", form: str = "tflite") -> Candidate:
    return Candidate.of_artifact(bundle, bundle.artifact(part, form))


@pytest.fixture
def kept(tiny_bundle: Callable[..., Bundle], tmp_path: Path) -> Bundle:
    """A bundle that was saved: `tiny/int8`, below `tmp_path/bench/baselines`."""
    bundle = tiny_bundle()
    save([bundle.root], tmp_path / KEPT)
    return bundle


# --- saving ---


def test_a_saved_bundle_is_a_whole_bundle(kept: Bundle, tmp_path: Path) -> None:
    copy = open_bundle(tmp_path / KEPT / "tiny" / "int8")
    copy.check()
    assert copy.manifest == kept.manifest
    names = {"encoder", "decoder", "autoencoder"}
    goldens = names | {"image", "code", "reconstruction"}
    expected = {f"{name}.tflite" for name in names} | {f"golden/{name}.npy" for name in goldens}
    assert contents(copy.root).keys() == expected | {"manifest.json", "baseline.json"}
    for name in expected:
        assert (copy.root / name).read_bytes() == (kept.root / name).read_bytes()
    assert not copy.root.is_symlink()  # git would keep the link, not the files
    umask = os.umask(0)
    os.umask(umask)
    assert copy.root.stat().st_mode & 0o777 == 0o777 & ~umask


def test_a_record_tells_what_was_saved_and_where(kept: Bundle, tmp_path: Path) -> None:
    told = json.loads((tmp_path / KEPT / "tiny" / "int8" / "baseline.json").read_text())
    assert told.keys() == {
        *("schema", "saved", "sha256", "machine", "commit", "tools", "runtimes"),
    }
    for name, sha256 in told["sha256"].items():
        assert hashlib.sha256((kept.root / name).read_bytes()).hexdigest() == sha256
    assert {"manifest.json", "encoder.tflite", "golden/image.npy"} <= told["sha256"].keys()
    assert told["machine"]["architecture"] == platform.machine()
    assert told["tools"] == kept.manifest.tools
    assert {"edgeae", "ai-edge-litert", "onnxruntime"} == told["runtimes"].keys()
    assert time.strptime(told["saved"], "%Y-%m-%d")


def test_the_record_names_the_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bare(tmp_path / "a.tflite")
    commit = commit_all(tmp_path, "one")
    monkeypatch.chdir(tmp_path)
    save([Path("a.tflite")], KEPT)
    assert json.loads((KEPT / "a.tflite.json").read_text())["commit"] == commit


def test_a_bare_file_is_kept_under_its_name(tmp_path: Path) -> None:
    (saved,) = save([bare(tmp_path / "models" / "a.tflite")], tmp_path / KEPT)
    assert (saved.place, saved.state) == (tmp_path / KEPT / "a.tflite", "saved")
    assert contents(tmp_path / KEPT).keys() == {"a.tflite", "a.tflite.json"}
    assert saved.place.read_bytes() == OLD


def test_the_same_again_is_up_to_date_and_touches_nothing(kept: Bundle, tmp_path: Path) -> None:
    file = bare(tmp_path / "a.tflite")
    save([file], tmp_path / KEPT)
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / KEPT).rglob("*")}
    states = [item.state for item in save([kept.root, file], tmp_path / KEPT)]
    assert states == ["up to date", "up to date"]
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / KEPT).rglob("*")} == before


def test_another_is_refused_by_name_and_nothing_is_written(kept: Bundle, tmp_path: Path) -> None:
    tampering.swap_rows(kept, "decoder")
    before = contents(tmp_path / KEPT)
    with pytest.raises(BadInput) as caught:
        save([bare(tmp_path / "new.tflite"), kept.root], tmp_path / KEPT)
    said = str(caught.value)
    assert "tiny/int8" in said and "decoder.tflite, manifest.json" in said and "--force" in said
    assert "encoder.tflite, " not in said.replace("decoder.tflite, ", "")
    assert contents(tmp_path / KEPT) == before


def test_force_replaces_all_of_it(kept: Bundle, tmp_path: Path) -> None:
    place = tmp_path / KEPT / "tiny" / "int8"
    (place / "left over").write_text("x")
    changed = tampering.swap_rows(kept, "decoder")
    (saved,) = save([kept.root], tmp_path / KEPT, force=True)
    assert saved.state == "replaced"
    assert open_bundle(place).manifest == changed.manifest
    open_bundle(place).check()
    assert not (place / "left over").exists()
    assert [path.name for path in place.parent.iterdir()] == ["int8"]


def test_a_bare_file_is_replaced_with_its_record(tmp_path: Path) -> None:
    file = bare(tmp_path / "a.tflite")
    save([file], tmp_path / KEPT)
    file.write_bytes(NEW)
    with pytest.raises(BadInput, match=r"a\.tflite of .*a\.tflite differs"):
        save([file], tmp_path / KEPT)
    save([file], tmp_path / KEPT, force=True)
    assert contents(tmp_path / KEPT).keys() == {"a.tflite", "a.tflite.json"}
    baseline = found(str(KEPT), tmp_path, Candidate.of_file(file))
    assert baseline and baseline.path.read_bytes() == NEW


@pytest.mark.parametrize("step", ["fsync", "first rename", "second rename"])
def test_a_failure_leaves_the_one_before(
    step: str, kept: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / KEPT / "tiny" / "int8"
    before = contents(place)
    tampering.swap_rows(kept, "decoder")
    rename, renamed = Path.rename, []

    def fail(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    def failing_rename(self: Path, target: Path) -> Path:
        renamed.append(self)
        if len(renamed) == {"first rename": 1, "second rename": 2}[step]:
            fail()
        return rename(self, target)

    if step == "fsync":
        monkeypatch.setattr(os, "fsync", fail)
    else:
        monkeypatch.setattr(Path, "rename", failing_rename)
    with pytest.raises(OSError, match="No space left") as caught:
        save([kept.root], tmp_path / KEPT, force=True)
    named = place / "manifest.json" if step == "fsync" else place
    assert str(system_error(caught.value)).startswith(f"{named}: no room left")
    assert contents(place) == before
    assert [path.name for path in place.parent.iterdir()] == ["int8"]


def test_what_a_killed_save_left_is_brought_back(kept: Bundle, tmp_path: Path) -> None:
    place = tmp_path / KEPT / "tiny" / "int8"
    before = contents(place)
    program = (
        "import os, sys; from pathlib import Path; from edgeae.baselines.save import save\n"
        "rename, done = Path.rename, []\n"
        "def killed(self, target):\n"
        "    rename(self, target)\n"
        "    os.kill(os.getpid(), 9)\n"  # after the old one stepped aside
        "Path.rename = killed\n"
        "save([Path(sys.argv[1])], Path(sys.argv[2]), force=True)"
    )
    tampering.swap_rows(kept, "decoder")
    command = [sys.executable, "-c", program, str(kept.root), str(tmp_path / KEPT)]
    done = subprocess.run(command, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False)
    assert done.returncode == -signal.SIGKILL and not place.exists()
    with pytest.raises(BadInput, match="another baseline exists already"):
        save([kept.root], tmp_path / KEPT)
    assert contents(place) == before
    save([kept.root], tmp_path / KEPT, force=True)
    open_bundle(place).check()


def test_a_damaged_bundle_is_not_saved(tiny_bundle: Callable[..., Bundle], tmp_path: Path) -> None:
    bundle = tiny_bundle()
    tampering.corrupt(bundle.root / "golden" / "image.npy")
    with pytest.raises(ManifestMismatch, match=r"image\.npy"):
        save([bundle.root], tmp_path / KEPT)
    assert not (tmp_path / KEPT).exists()


@pytest.mark.parametrize("model", ["../out", "..", ".hidden", "a/b", ""])
def test_a_name_that_leads_elsewhere_is_refused(
    model: str, tiny_bundle: Callable[..., Bundle], tmp_path: Path
) -> None:
    bundle = tiny_bundle(recipe="int8")
    table = json.loads((bundle.root / "manifest.json").read_text())
    (bundle.root / "manifest.json").write_text(json.dumps({**table, "model": model}))
    with pytest.raises(BadInput, match="model = "):
        save([bundle.root], tmp_path / KEPT)


def test_a_path_that_leads_out_of_the_bundle_is_refused(
    tiny_bundle: Callable[..., Bundle], tmp_path: Path
) -> None:
    bundle = tiny_bundle()
    table = json.loads((bundle.root / "manifest.json").read_text())
    (bundle.root.parent / "out.tflite").write_bytes((bundle.root / "encoder.tflite").read_bytes())
    for artifact in table["artifacts"]:
        if artifact["part"] == "encoder":
            artifact["path"] = "../out.tflite"
    (bundle.root / "manifest.json").write_text(json.dumps(table))
    with pytest.raises(BadInput, match=r"\.\./out\.tflite"):
        save([bundle.root], tmp_path / KEPT)


def test_two_of_one_name_are_refused(tmp_path: Path) -> None:
    files = [bare(tmp_path / name / "a.tflite") for name in ("x", "y")]
    with pytest.raises(BadInput, match=r"both .*x/a\.tflite and .*y/a\.tflite"):
        save(files, tmp_path / KEPT)
    assert not (tmp_path / KEPT).exists()


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.txt", b"hello", "neither a .tflite nor an .onnx"),
        ("a.tflite", b"hello, a text", "neither a .tflite nor an .onnx"),
        ("a.bin", OLD, "its content is a .tflite"),
        ("a.onnx", OLD, "its content is a .tflite"),
    ],
)
def test_what_is_no_model_is_not_saved(
    name: str, content: bytes, said: str, tmp_path: Path
) -> None:
    with pytest.raises(BadInput) as caught:
        save([bare(tmp_path / name, content)], tmp_path / KEPT)
    assert said in str(caught.value) and name in str(caught.value)


@pytest.mark.parametrize("kind", ["file", "link"])
def test_what_edgeae_did_not_make_is_not_replaced(
    kind: str, tiny_bundle: Callable[..., Bundle], tmp_path: Path
) -> None:
    place = tmp_path / KEPT / "tiny" / "int8"
    place.parent.mkdir(parents=True)
    bundle = tiny_bundle()
    if kind == "file":
        place.write_text("mine")
    else:
        place.symlink_to(bundle.root)
    with pytest.raises(BadInput, match="move it away"):
        save([bundle.root], tmp_path / KEPT, force=True)
    assert place.is_symlink() if kind == "link" else place.read_text() == "mine"


def test_a_save_is_alone_and_leaves_no_lock_file(
    kept: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, tried = saving._write, []

    def spy(source: object) -> None:
        descriptor = os.open(tmp_path / KEPT, os.O_RDONLY)
        with pytest.raises(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.close(descriptor)
        tried.append(source)
        write(source)

    monkeypatch.setattr(saving, "_write", spy)
    save([bare(tmp_path / "a.tflite")], tmp_path / KEPT)
    assert len(tried) == 1
    assert contents(tmp_path / KEPT).keys() == {
        *("a.tflite", "a.tflite.json"),
        *(f"tiny/int8/{name}" for name in contents(tmp_path / KEPT / "tiny" / "int8")),
    }


def test_two_saves_at_once_leave_one_of_them_whole(tmp_path: Path) -> None:
    folders = []
    for number in range(2):
        bundle = tiny.write_bundle(tmp_path / str(number) / "tiny" / "int8")
        folders.append((tampering.swap_rows(bundle) if number else bundle).root)
    program = (
        "import sys; from pathlib import Path; from edgeae.baselines.save import save\n"
        "for _ in range(8): save([Path(sys.argv[1])], Path(sys.argv[2]), force=True)"
    )
    children = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(folder), str(tmp_path / KEPT)],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        for folder in folders
    ]
    assert [child.wait() for child in children] == [0, 0]
    place = tmp_path / KEPT / "tiny" / "int8"
    open_bundle(place).check()
    assert [path.name for path in place.parent.iterdir()] == ["int8"]
    assert [path.name for path in (tmp_path / KEPT).iterdir()] == ["tiny"]


# --- finding ---


def test_a_folder_holds_the_baseline_of_the_same_model_recipe_part_and_format(
    kept: Bundle, tmp_path: Path, tiny_bundle: Callable[..., Bundle]
) -> None:
    baseline = found(str(KEPT), tmp_path, of(kept, "decoder"))
    place = tmp_path / KEPT / "tiny" / "int8"
    bundle = open_bundle(place)
    assert baseline == BaselineFile(
        "bench/baselines/tiny/int8/decoder.tflite",
        place / "decoder.tflite",
        bundle,
        bundle.artifact("decoder"),
    )
    for other in (tiny_bundle("float32"), tiny_bundle(model="other")):
        assert found(str(KEPT), tmp_path, of(other)) is None
    assert (
        found(str(KEPT), tmp_path, Candidate("encoder.onnx", "onnx", "tiny", "int8", "encoder"))
        is None
    )


def test_a_bare_candidate_is_found_by_its_name(tmp_path: Path) -> None:
    bare(tmp_path / KEPT / "a.tflite")
    candidate = Candidate.of_file(tmp_path / "models" / "a.tflite")
    baseline = found(str(KEPT), tmp_path, candidate)
    assert baseline and baseline.path == tmp_path / KEPT / "a.tflite"
    assert (baseline.bundle, baseline.artifact, baseline.note) == (None, None, "")
    assert found(str(KEPT), tmp_path, Candidate.of_file(Path("b.tflite"))) is None
    assert found(str(KEPT), tmp_path, Candidate("a.tflite", "tflite", "m", "r", "encoder")) is None


def test_a_bundle_that_is_named_is_the_baseline_of_any(
    tiny_bundle: Callable[..., Bundle], tmp_path: Path
) -> None:
    old, new = tiny_bundle(), tiny_bundle("float32")
    baseline = found("build/tiny/int8", tmp_path, of(new, "autoencoder"))
    assert baseline and baseline.path == old.root / "autoencoder.tflite"
    baseline = found("build/tiny/int8", tmp_path, Candidate.of_file(Path("x/encoder.tflite")))
    assert baseline and baseline.artifact and baseline.artifact.part == "encoder"
    assert found("build/tiny/int8", tmp_path, Candidate.of_file(Path("x.tflite"))) is None


def test_a_file_that_is_named_is_the_baseline_of_any_of_its_format(tmp_path: Path) -> None:
    path = bare(tmp_path / "old.tflite")
    baseline = found(str(path), Path("/"), Candidate.of_file(Path("new.tflite")))
    assert baseline and (baseline.path, baseline.label) == (path, str(path))
    assert found(str(path), Path("/"), Candidate.of_file(Path("new.onnx"))) is None


@pytest.mark.parametrize("spec", [str(KEPT), "old.tflite", "build/deep/int8"])
def test_what_is_deleted_is_missing_and_said(spec: str, tmp_path: Path) -> None:
    candidate = Candidate.of_file(Path("a.tflite"))
    with resolve(spec, tmp_path) as baselines:
        assert baselines.find(candidate) is None
        said = baselines.absence(candidate)
    assert spec in said and "a.tflite" in said and "edgeae baseline save" in said


def test_what_is_no_baseline_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(BadInput, match=r"notes\.txt: allowed as a baseline"):
        found("notes.txt", tmp_path, Candidate.of_file(Path("a.tflite")))


def test_two_baselines_of_one_candidate_are_refused(tmp_path: Path) -> None:
    for folder in ("x", "y"):
        bundle = tiny.write_bundle(tmp_path / "old" / folder)
    with pytest.raises(BadInput, match="several baselines: old/x and old/y"):
        found("old", tmp_path, of(bundle))


def test_bytes_that_were_not_saved_are_noticed(kept: Bundle, tmp_path: Path) -> None:
    copy = open_bundle(tmp_path / KEPT / "tiny" / "int8")
    tampering.swap_rows(copy, "decoder")  # the manifest follows, the record does not
    with pytest.raises(ManifestMismatch, match="the baseline's record has"):
        found(str(KEPT), tmp_path, of(kept))


def test_a_bare_file_that_was_not_saved_is_noticed(tmp_path: Path) -> None:
    save([bare(tmp_path / "a.tflite")], tmp_path / KEPT)
    bare(tmp_path / KEPT / "a.tflite", NEW)
    with pytest.raises(ManifestMismatch, match=r"a\.tflite: sha256"):
        found(str(KEPT), tmp_path, Candidate.of_file(Path("a.tflite")))


def test_a_bundle_without_a_record_is_held_to_its_manifest(
    tiny_bundle: Callable[..., Bundle], tmp_path: Path
) -> None:
    bundle = tiny_bundle()
    tampering.corrupt(bundle.root / "encoder.tflite")
    with pytest.raises(ManifestMismatch, match=r"encoder\.tflite"):
        found("build", tmp_path, of(bundle))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "damaged"),
        ("[]", "allowed is a table"),
        ('{"schema": 2}', "schema = 2"),
        ('{"schema": 1}', "saved, sha256, machine, commit, tools, runtimes are missing"),
        ('{"sha256": []}', "sha256"),
        ('{"sha256": {}}', "sha256"),
        ('{"machine": "mine"}', "machine"),
        ('{"commit": 7}', "commit"),
        ('{"saved": null}', "saved"),
        ('{"sha256": {"b.tflite": "0"}}', "a.tflite"),
        ("\udcff", "damaged"),
    ],
)
def test_a_damaged_record_is_named(content: str, said: str, tmp_path: Path) -> None:
    save([bare(tmp_path / "a.tflite")], tmp_path / KEPT)
    path = tmp_path / KEPT / "a.tflite.json"
    if content.startswith("{") and '"schema"' not in content and content != "{":
        content = json.dumps({**json.loads(path.read_text()), **json.loads(content)})
    path.write_bytes(content.encode(errors="surrogateescape"))
    with pytest.raises(BadInput) as caught:
        found(str(KEPT), tmp_path, Candidate.of_file(Path("a.tflite")))
    assert "a.tflite.json" in str(caught.value) and said in str(caught.value)
    assert "\n" not in str(caught.value)
    # a save says so too, and force mends it
    with pytest.raises(BadInput, match=r"a\.tflite\.json of .* differs"):
        save([tmp_path / "a.tflite"], tmp_path / KEPT)
    save([tmp_path / "a.tflite"], tmp_path / KEPT, force=True)
    assert found(str(KEPT), tmp_path, Candidate.of_file(Path("a.tflite")))


def test_a_damaged_record_disturbs_no_other_baseline(tmp_path: Path) -> None:
    save([bare(tmp_path / "a.tflite"), bare(tmp_path / "b.tflite")], tmp_path / KEPT)
    (tmp_path / KEPT / "a.tflite.json").write_text("{")
    assert found(str(KEPT), tmp_path, Candidate.of_file(Path("b.tflite")))


def test_a_baseline_of_another_architecture_is_usable_and_says_so(
    kept: Bundle, tmp_path: Path
) -> None:
    path = tmp_path / KEPT / "tiny" / "int8" / "baseline.json"
    assert (baseline := found(str(KEPT), tmp_path, of(kept))) and baseline.note == ""
    table = json.loads(path.read_text())
    table["machine"] |= {"architecture": "riscv64", "cpu": "Board 3"}
    path.write_text(json.dumps(table))
    baseline = found(str(KEPT), tmp_path, of(kept))
    assert baseline and baseline.note == (
        f"saved on riscv64 (Board 3), timed again on this {platform.machine()}; "
        "its stored figures are not compared"
    )


# --- as committed ---


def test_git_brings_the_baselines_of_a_ref_and_cleans_up(kept: Bundle, tmp_path: Path) -> None:
    save([bare(tmp_path / "a.tflite", OLD)], tmp_path / KEPT)
    first = commit_all(tmp_path, "one")
    git(tmp_path, "tag", "v1")
    save([bare(tmp_path / "a.tflite", NEW)], tmp_path / KEPT, force=True)
    commit_all(tmp_path, "two")
    (tmp_path / KEPT / "a.tflite").unlink()
    commit_all(tmp_path, "three")
    candidate = Candidate.of_file(Path("models/a.tflite"))
    for ref, content in (("v1", OLD), (first[:10], OLD), ("HEAD~1", NEW), ("HEAD~2", OLD)):
        with resolve(f"git:{ref}", tmp_path) as baselines:
            baseline = baselines.find(candidate)
            assert baseline and baseline.path.read_bytes() == content
            assert baseline.label == f"git:{ref}:bench/baselines/a.tflite"
            whole = baselines.find(of(kept))
            assert whole and whole.bundle
            whole.bundle.check()
        assert not baseline.path.exists() and not whole.bundle.root.exists()


def test_git_cleans_up_after_a_failure(kept: Bundle, tmp_path: Path) -> None:
    commit_all(tmp_path, "one")
    places = []
    with pytest.raises(KeyboardInterrupt), resolve("git:HEAD", tmp_path) as baselines:
        places = [item.place for item in baselines.items]
        raise KeyboardInterrupt
    assert places and not any(place.exists() for place in places)


def test_a_project_may_be_below_the_repositorys_root(tmp_path: Path) -> None:
    project = tmp_path / "sub" / "project"
    save([bare(project / "a.tflite")], project / KEPT)
    save([bare(tmp_path / "a.tflite", NEW)], tmp_path / KEPT)
    commit_all(tmp_path, "one")
    with resolve("git:HEAD", project) as baselines:
        baseline = baselines.find(Candidate.of_file(Path("a.tflite")))
        assert baseline and baseline.path.read_bytes() == OLD


@pytest.mark.parametrize("ref", ["nowhere", "", "--help", "-x", "HEAD:bench", "a..b", "^HEAD"])
def test_an_unknown_ref_is_one_line(ref: str, tmp_path: Path) -> None:
    bare(tmp_path / KEPT / "a.tflite")
    commit_all(tmp_path, "one")
    with pytest.raises(BadInput) as caught, resolve(f"git:{ref}", tmp_path):
        pass
    assert str(caught.value).startswith(f"git:{ref}: ") and "\n" not in str(caught.value)
    assert "unknown branch, tag or commit" in str(caught.value)


def test_a_shallow_clone_is_told_what_it_lacks(tmp_path: Path) -> None:
    origin, clone = tmp_path / "origin", tmp_path / "clone"
    bare(origin / KEPT / "a.tflite")
    first = commit_all(origin, "one")
    commit_all(origin, "two")
    git(tmp_path, "clone", "-q", "--depth", "1", origin.as_uri(), str(clone))
    with pytest.raises(BadInput, match="fetch-depth: 0"), resolve(f"git:{first}", clone):
        pass


def test_a_commit_without_baselines_is_not_measured(tmp_path: Path) -> None:
    bare(tmp_path / "bench" / "other.tflite")
    commit_all(tmp_path, "one")
    said = "git:HEAD: no bench/baselines in commit"
    with pytest.raises(NotMeasured, match=said), resolve("git:HEAD", tmp_path):
        pass


def test_what_is_no_repository_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(BadInput) as caught, resolve("git:HEAD", tmp_path):
        pass
    assert str(caught.value).startswith("git:HEAD: ")
    assert "not a git repository" in str(caught.value)


def test_without_git_it_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BadInput, match="git is not installed"), resolve("git:HEAD", tmp_path):
        pass


def test_a_committed_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / KEPT).mkdir(parents=True)
    (tmp_path / KEPT / "a.tflite").symlink_to("/etc/hostname")
    commit_all(tmp_path, "one")
    said = r"a\.tflite: a link or a submodule"
    with pytest.raises(BadInput, match=said), resolve("git:HEAD", tmp_path):
        pass


@pytest.mark.parametrize("path", ["bench/baselines/../../x", "/etc/x", "bench/other/x", "x"])
def test_a_path_that_leads_out_is_refused(path: str) -> None:
    with pytest.raises(BadInput, match="leads out"):
        _inside("HEAD", "bench/baselines", path)


def test_a_tree_with_a_way_out_writes_nothing_outside(tmp_path: Path) -> None:
    """Git itself makes no such tree; a hand-made one can be fetched from anywhere."""
    git(tmp_path, "init", "-q")
    bare(tmp_path / "content", b"evil")
    tree = f"100644 blob {git(tmp_path, 'hash-object', '-w', 'content')}\tevil.tflite\n"
    for name in ("..", "baselines", "bench", ""):
        command = ["git", "-C", str(tmp_path), "mktree"]
        made = subprocess.run(command, input=tree, capture_output=True, text=True, check=True)
        tree = f"040000 tree {made.stdout.strip()}\t{name}\n"
    commit = git(tmp_path, "commit-tree", "-m", "x", made.stdout.strip())
    git(tmp_path, "update-ref", "HEAD", commit)
    assert ".." in git(tmp_path, "ls-tree", "-r", "HEAD")
    with pytest.raises(BadInput, match="leads out"), resolve("git:HEAD", tmp_path):
        pass


def test_names_that_git_would_quote_come_whole(tmp_path: Path) -> None:
    name = 'né "quoted" \t and \\ more.tflite'
    bare(tmp_path / KEPT / name)
    commit_all(tmp_path, "one")
    with resolve("git:HEAD", tmp_path) as baselines:
        baseline = baselines.find(Candidate.of_file(Path(name)))
        assert baseline and baseline.path.read_bytes() == OLD


# --- the command line ---


def test_save_takes_what_is_below_build(tiny_bundle: Callable[..., Bundle], tmp_path: Path) -> None:
    tiny_bundle(), tiny_bundle("float32")
    done = edgeae_here("baseline", "save", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert [line.split()[:2] for line in done.stdout.splitlines()] == [
        ["bench/baselines/tiny/float32", "saved"],
        ["bench/baselines/tiny/int8", "saved"],
    ]
    again = edgeae_here("baseline", "save", "--json", cwd=tmp_path)
    assert [item["state"] for item in json.loads(again.stdout)] == ["up to date"] * 2


def test_save_ends_with_one_line_and_the_right_code(
    tiny_bundle: Callable[..., Bundle], tmp_path: Path
) -> None:
    (tmp_path / "build").mkdir()
    for arguments, code, said in (
        ([], 3, "no bundle at or below build"),
        (["nowhere"], 2, "nowhere: no such folder"),
    ):
        done = edgeae_here("baseline", "save", *arguments, cwd=tmp_path)
        assert (done.returncode, done.stdout) == (code, "")
        assert said in done.stderr and len(done.stderr.splitlines()) == 1
    bundle = tiny_bundle()
    tampering.corrupt(bundle.root / "encoder.tflite")
    assert edgeae_here("baseline", "save", cwd=tmp_path).returncode == 4


def test_list_shows_what_is_there_and_what_is_wrong(kept: Bundle, tmp_path: Path) -> None:
    save([bare(tmp_path / "a.tflite")], tmp_path / KEPT)
    bare(tmp_path / KEPT / "b.tflite")
    done = edgeae_here("baseline", "list", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    states = {line.split()[0]: line for line in done.stdout.splitlines()[1:]}
    assert states.keys() == {
        f"bench/baselines/{name}" for name in ("a.tflite", "b.tflite", "tiny/int8")
    }
    assert "whole" in states["bench/baselines/a.tflite"]
    assert "no record" in states["bench/baselines/b.tflite"]
    commit_all(tmp_path, "one")
    bare(tmp_path / KEPT / "a.tflite", NEW)
    done = edgeae_here("baseline", "list", cwd=tmp_path)
    assert done.returncode == 4 and "a.tflite: sha256" in done.stderr
    assert "unusable" in done.stdout and "tiny/int8" in done.stdout
    told = json.loads(edgeae_here("baseline", "list", "git:HEAD", "--json", cwd=tmp_path).stdout)
    assert [item["problem"] for item in told] == ["", "", ""]
    assert told[0]["record"]["machine"]["architecture"] == platform.machine()


def test_list_of_nothing_is_not_measured(tmp_path: Path) -> None:
    done = edgeae_here("baseline", "list", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (3, "")
    assert "edgeae baseline save" in done.stderr


@pytest.mark.parametrize("command", ["save", "list"])
def test_help_describes_every_option(command: str, tmp_path: Path) -> None:
    done = edgeae_here("baseline", command, "--help", cwd=tmp_path)
    assert done.returncode == 0
    for option in ("--json", *(("--to", "--force") if command == "save" else ())):
        assert option in done.stdout
