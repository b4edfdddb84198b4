"""What is mutated, how, and the command lines that read it."""

import dataclasses
import hashlib
import json
import os
import random
from collections.abc import Callable
from pathlib import Path

from fuzz import mutators
from fuzz.corpus import BUNDLE, DATA, FLOAT, PARQUET

__all__ = ["KINDS", "Case", "Kind", "follow"]

Random = random.Random
_QUICK = "--seconds 0.01"
#: Of mutants of a bundle's files, how many have the manifest's hashes follow.
_FOLLOWED = 0.75


@dataclasses.dataclass(frozen=True)
class Case:
    """One mutant and one command.

    Attributes:
        file: what was mutated, relative to the project.
        arguments: of the command line.
        names: an error has to hold one of them: how it can name the fault's place.
    """

    file: str
    arguments: tuple[str, ...]
    names: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Kind:
    """A kind of input.

    Attributes:
        weight: how often it is taken, relative to others.
        files: what may be mutated.
        mutate: the file's bytes to a mutant's.
        commands: with `{file}` for the file and `{bundle}` for its bundle.
        place: how else the mutant gets to where commands find it; `write` unless given.
    """

    weight: int
    files: tuple[str, ...]
    mutate: Callable[[bytes, Random], bytes]
    commands: tuple[str, ...]
    place: Callable[[Path, str, bytes, Random], None] | None = None

    def make(self, project: Path, random: Random) -> Case:
        """Put a mutant into a project, and choose a command."""
        file = random.choice(self.files)
        path = project / file
        mutant = self.mutate(path.read_bytes(), random) if path.is_file() else b""
        (self.place or _write)(project, file, mutant, random)
        bundle = _bundle(file)
        command = random.choice(self.commands).format(file=file, bundle=bundle)
        known = (file, path.name, bundle or file, f"suite {path.stem}", f"recipe {path.stem}")
        arguments = tuple(command.split())
        places = [item for item in arguments if "/" in item]
        places += ["/data/"]  # which a train.json names
        places += [f"/{Path(file).parent.as_posix()}/"]  # of what a record names
        return Case(file, arguments, (*known, *places))


def _bundle(file: str) -> str:
    parts = Path(file).parts
    return "/".join(parts[:3]) if parts[0] == "build" and len(parts) > 3 else ""


def _write(project: Path, file: str, mutant: bytes, random: Random) -> None:
    (project / file).write_bytes(mutant)


def _in_bundle(project: Path, file: str, mutant: bytes, random: Random) -> None:
    """Write a file of a bundle, and mostly let the manifest know of it."""
    _write(project, file, mutant, random)
    if random.random() < _FOLLOWED:
        follow(project, file)


def follow(project: Path, file: str) -> None:
    """Let a bundle's manifest hold the hash of what its file now is."""
    manifest = project / _bundle(file) / "manifest.json"
    content = (project / file).read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    table = json.loads(manifest.read_text())
    if "golden/" in file:
        table["golden"]["sha256"][Path(file).stem] = digest
    for artifact in table["artifacts"]:
        if artifact["path"] == Path(file).name:
            artifact |= {"sha256": digest, "bytes": len(content)}
    manifest.write_text(json.dumps(table))


def _odd(project: Path, file: str, mutant: bytes, random: Random) -> None:
    """Put something that is no regular file where one is expected, or name a path outside."""
    path = project / file
    way = random.randrange(8)
    if way == 7 and _bundle(file) and "golden" not in file:
        _renamed(project, file, random)
        return
    path.unlink()
    if way == 0:
        os.mkfifo(path)
    elif way == 1:
        path.symlink_to("/dev/zero")
    elif way == 2:
        path.symlink_to("/etc/passwd")
    elif way == 3:
        path.mkdir()
    elif way == 4:
        path.symlink_to(path.name)
    elif way == 5:
        path.symlink_to("/dev/stdin")
    elif way == 6:
        with path.open("wb") as stream:
            stream.truncate(3 << 30)  # sparse: 3 GiB of zeros


_OUTSIDE = ("/etc/passwd", "../../../../../../etc/passwd", "/dev/zero", "../../../fifo", "..", ".")
_OUTSIDE += ("", "golden", "golden/../encoder.tflite", "link/encoder.tflite", "x\0y", "\x1b[31m")
_OUTSIDE += ("a" * 5000, "\ud800", "//etc/passwd", "encoder.tflite/", "./../x", "\\x")


def _renamed(project: Path, file: str, random: Random) -> None:
    """Let the manifest name another path for an artifact."""
    os.mkfifo(project / "fifo")
    bundle = project / _bundle(file)
    (bundle / "link").symlink_to(bundle)
    manifest = bundle / "manifest.json"
    table = json.loads(manifest.read_text())
    for artifact in table["artifacts"]:
        if artifact["path"] == Path(file).name:
            artifact["path"] = random.choice(_OUTSIDE)
    manifest.write_text(json.dumps(table))


def _in(folder: str, *names: str) -> tuple[str, ...]:
    return tuple(f"{folder}/{name}" for name in names)


_PARTS = ("encoder", "decoder", "autoencoder")
_GOLDEN = tuple(f"golden/{name}.npy" for name in ("image", "code", "reconstruction", *_PARTS))
_TFLITES, _ONNXES = (tuple(f"{part}.{form}" for part in _PARTS) for form in ("tflite", "onnx"))
_REPORTS = ("report", "report --json", "pick tiny --max-bytes 1M", "pick --max-loss-ratio 2 --json")
_OF_BUNDLE = (
    "inspect {bundle}",
    "verify {bundle} --golden --runtime litert-reference",
    "verify {bundle} --golden --runtime litert-xnnpack",
    "verify {bundle} --golden --runtime onnxruntime-cpu",
    "verify {bundle} --golden --runtime null --json",
    f"bench {{bundle}} --runtime null --part encoder {_QUICK}",
    f"bench {{bundle}} --runtime litert-builtin --part encoder {_QUICK}",
    f"bench {{bundle}} --runtime onnxruntime-cpu --part encoder {_QUICK}",
    "baseline save {bundle} --to kept",
    "gate {bundle} {bundle} --runtime litert-reference",
    "gate --baseline bench/baselines {bundle} --runtime litert-reference",
    "report",
    "pick --max-bytes 1M --bytes raw",
    "embed {bundle} --as c --out made",
    "embed {bundle} --as c --out made --target cortex-m4",
    "encode {bundle} data/rows.npy -o made.npy",
    "score {bundle} data/rows.npy --runtime litert-reference --json",
)
_RAN = (
    "encode build/tiny/int8 {file} -o made.npy",
    "decode build/tiny/float32 {file} -o made.csv",
    "score build/tiny/float32 {file}",
)
_OF_FILE = (
    "inspect {file}",
    "inspect {file} --json",
    f"bench {{file}} --runtime null {_QUICK}",
    "baseline save {file} --to kept",
    "gate {file} {file}",
    f"profile {{file}} {_QUICK}",
    f"import {{file}} --data {DATA} --name new",
    f"import {{file}} --data {DATA} --as-is --name new",
)

#: Without `--as-is`, it would be rebuilt by TensorFlow.
_AS_IS = "import files/float32-autoencoder.tflite --as-is --name new"

KINDS = {
    "tflite": Kind(
        10,
        _in("files", *(f"{kind}-{part}.tflite" for kind in ("int8", "float32") for part in _PARTS)),
        mutators.in_tflite,
        (
            *_OF_FILE,
            f"bench {{file}} --runtime litert-reference {_QUICK}",
            f"import {{file}} files/int8-decoder.tflite --data {DATA} --name new",
            f"import files/float32-encoder.tflite {{file}} --data {DATA} --name new",
            "gate files/int8-encoder.tflite {file} --runtime litert-reference",
            "embed {file} --as c --out made",
            "embed {file} --as c --out made --target cortex-m55 --optimize size",
        ),
    ),
    "onnx": Kind(
        10,
        _in("files", *_ONNXES),
        mutators.in_onnx,
        (
            *_OF_FILE,
            f"bench {{file}} --runtime onnxruntime-cpu {_QUICK}",
            f"import {{file}} files/decoder.onnx --data {DATA} --name new",
            f"import files/encoder.onnx {{file}} --data {DATA} --name new",
        ),
    ),
    "tflite in a bundle": Kind(
        6,
        _in(BUNDLE, *_TFLITES) + _in(FLOAT, *_TFLITES) + _in("build/bare/as-is", *_TFLITES[:2]),
        mutators.in_tflite,
        _OF_BUNDLE,
        _in_bundle,
    ),
    "onnx in a bundle": Kind(4, _in(FLOAT, *_ONNXES), mutators.in_onnx, _OF_BUNDLE, _in_bundle),
    "golden npy": Kind(
        6, _in(BUNDLE, *_GOLDEN) + _in(FLOAT, *_GOLDEN), mutators.in_npy, _OF_BUNDLE, _in_bundle
    ),
    "manifest": Kind(
        14,
        _in(BUNDLE, "manifest.json")
        + _in(FLOAT, "manifest.json")
        + _in("build/bare/as-is", "manifest.json"),
        mutators.in_json,
        (*_OF_BUNDLE, *_REPORTS, "baseline list {bundle}", "gate --suite bench/quick.toml"),
    ),
    "data npz": Kind(
        6,
        (DATA,),
        mutators.in_npz,
        (
            "import files/int8-encoder.tflite files/int8-decoder.tflite --data {file} --name new",
            "verify build/bare/as-is --data {file} --runtime litert-reference",
            "train simple --data {file} --epochs 1",
            "export tiny -r float16",
        ),
    ),
    "data npy": Kind(
        3,
        ("data/rows.npy",),
        mutators.in_npy,
        ("import files/int8-encoder.tflite --data {file} --name new", *_RAN),
    ),
    "data csv": Kind(
        1,
        ("data/rows.csv",),
        mutators.in_bytes,
        (f"{_AS_IS} --data {{file}}", *_RAN),
    ),
    "data parquet": Kind(
        5,
        (PARQUET,),
        mutators.in_parquet,
        (
            f"{_AS_IS} --data {{file}} --drop kind",
            f"{_AS_IS} --data {{file}} --label kind",
            f"{_AS_IS} --data {{file}} --drop kind --standardize --allow-worse-than-mean",
            "import files/int8-encoder.tflite --data {file} --drop kind --split 60:20:20 "
            "--name new",
            f"detect {BUNDLE} --data {DATA} --test {{file}} --label kind --normal even "
            "--false-alarms 0.1 --runtime litert-reference",
            "train dense --data {file} --label kind --split 70:10:20 --epochs 1",
        ),
    ),
    "keras": Kind(
        6,
        _in("files", "keras2.keras", "keras3.keras"),
        mutators.in_keras,
        (
            f"import {{file}} --data {DATA} --name new",
            f"import {{file}} --data {DATA} --code-layer d2",
        ),
    ),
    "hdf5": Kind(
        3,
        _in("files", "keras2.h5", "keras3.h5"),
        mutators.in_bytes,
        (f"import {{file}} --data {DATA} --name new",),
    ),
    "recipe": Kind(
        5,
        ("export/mine.toml", "export/base.toml"),
        mutators.in_toml,
        (
            "export --list -r mine",
            "export --list -r export/mine.toml --json",
            "export tiny -r mine",
            "sensitivity tiny -r mine",
        ),
    ),
    "matrix": Kind(2, ("export/matrix.toml",), mutators.in_toml, ("export --matrix", "export")),
    "suite": Kind(
        4,
        ("bench/quick.toml",),
        mutators.in_toml,
        ("bench --suite quick --seconds 0.01 --rounds 1", "gate --suite bench/quick.toml"),
    ),
    "train.json": Kind(
        8,
        ("build/tiny/train.json", "build/bare/train.json"),
        mutators.in_json,
        (
            *_REPORTS,
            "export tiny -r float16",
            "train simple --name tiny --data data/tiny.npz",
            f"verify {BUNDLE} --data {DATA} --runtime litert-reference",
            "verify build/bare --runtime litert-reference",
            "sample tiny",
            "sensitivity tiny -r mine",
            "import files/int8-encoder.tflite files/int8-decoder.tflite --data data/tiny.npz "
            "--name bare",
        ),
    ),
    "probe.json": Kind(2, ("build/tiny/probe.json",), mutators.in_json, _REPORTS),
    "sheet npz": Kind(
        3,
        ("build/tiny/sheet.npz",),
        mutators.in_npz,
        ("report", "report --json", "sample tiny", "export tiny -r float16"),
    ),
    "samples png": Kind(1, ("build/tiny/samples.png",), mutators.in_bytes, ("report",)),
    "results.jsonl": Kind(
        8,
        ("build/results.jsonl",),
        mutators.in_json_lines,
        (
            *_REPORTS,
            "history",
            "history --json",
            "pick --max-p50 1ms --runtime null",
            f"bench {BUNDLE} --runtime null --part encoder {_QUICK}",
        ),
    ),
    "verify.json": Kind(
        5, _in(BUNDLE, "verify.json") + _in(FLOAT, "verify.json"), mutators.in_json, _REPORTS
    ),
    "detect.json": Kind(
        5,
        (f"{BUNDLE}/detect.json",),
        mutators.in_json,
        (*_REPORTS, f"embed {BUNDLE} --as c --out made"),
    ),
    "baseline record": Kind(
        4,
        ("bench/baselines/tiny/int8/baseline.json", "bench/baselines/int8-encoder.tflite.json"),
        mutators.in_json,
        (
            "baseline list",
            "baseline list --json",
            "gate --suite bench/quick.toml",
            f"baseline save {BUNDLE} files/int8-encoder.tflite",
            "gate --baseline bench/baselines files/int8-encoder.tflite",
        ),
    ),
    "baseline": Kind(
        2,
        _in("bench/baselines", "int8-encoder.tflite", "encoder.onnx", "tiny/int8/encoder.tflite")
        + _in("bench/baselines/tiny/int8", "golden/code.npy", "manifest.json"),
        mutators.in_bytes,
        (
            "baseline list",
            "gate --suite bench/quick.toml",
            f"baseline save {BUNDLE} files/int8-encoder.tflite files/encoder.onnx",
        ),
    ),
    "odd file": Kind(
        6,
        _in(BUNDLE, *_TFLITES, *_GOLDEN, "manifest.json") + _in(FLOAT, *_ONNXES),
        mutators.in_bytes,
        _OF_BUNDLE,
        _odd,
    ),
    "odd file outside a bundle": Kind(
        6,
        (
            "files/int8-encoder.tflite",
            "files/encoder.onnx",
            "files/keras3.keras",
            "files/keras2.h5",
        ),
        mutators.in_bytes,
        _OF_FILE,
        _odd,
    ),
    "odd data": Kind(
        2,
        (DATA, "data/rows.npy", "data/rows.csv", PARQUET),
        mutators.in_bytes,
        ("import files/int8-encoder.tflite --data {file} --name new", *_RAN),
        _odd,
    ),
    "odd text": Kind(
        4,
        (
            "export/mine.toml",
            "export/base.toml",
            "bench/quick.toml",
            "build/tiny/train.json",
            "build/results.jsonl",
            f"{BUNDLE}/verify.json",
            "build/tiny/sheet.npz",
            "build/tiny/probe.json",
            "build/tiny/samples.png",
            "build/tiny/model.keras",
            "bench/baselines/tiny/int8/baseline.json",
            "bench/baselines/int8-encoder.tflite",
        ),
        mutators.in_bytes,
        ("report", "export --list", "baseline list", "gate --suite bench/quick.toml", "history"),
        _odd,
    ),
}
