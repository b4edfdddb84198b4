"""`edgeae.open(…)`: to the bit what LiteRT's own interpreter gives, in this process."""

import dataclasses
import gc
import hashlib
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import onnx
import pytest
import tiny
from edgeae_cli import ROOT
from tampering import corrupt

import edgeae
from edgeae.api import session
from edgeae.artifacts.bundle import MANIFEST, holding
from edgeae.detect.result import DETECT
from edgeae.detect.rows import Asked
from edgeae.detect.run import detect
from edgeae.embed.write import embed
from edgeae.errors import BadInput, ManifestMismatch, NotMeasured, RuntimeUnavailable
from edgeae.metrics.standardization import Standardization
from edgeae.system.holding import remove_unless_held

IMAGES = tiny.images(70, seed=9)
#: The tiny model's input integers of these images: its scale is that of pixels.
STEPS = (IMAGES.reshape(70, 16).astype(np.int16) - 128).astype(np.int8)


@pytest.fixture
def bundle(tiny_bundle):
    with edgeae.open(tiny_bundle().root) as opened:
        yield opened


def raw(bundle: edgeae.Bundle, part: str, inputs: np.ndarray, kernels: str) -> np.ndarray:
    return tiny.run((bundle.path / f"{part}.tflite").read_bytes(), inputs, tiny.RESOLVERS[kernels])


def real(name: str, integers: np.ndarray) -> np.ndarray:
    scale, zero = tiny.QUANTIZED[name]
    return ((integers.astype(np.float64) - zero) * scale).astype(np.float32)


def changed(bundle, **fields: object) -> Path:
    """Write a bundle's manifest with other fields; return its folder."""
    manifest = dataclasses.replace(bundle.manifest, **fields)
    (bundle.root / MANIFEST).write_text(manifest.to_json())
    return bundle.root


@pytest.mark.parametrize("runtime", list(tiny.RESOLVERS))
@pytest.mark.parametrize("batch", [None, 1, 8, 64, 100])
def test_the_bits_are_those_of_the_raw_interpreter(runtime, batch, bundle):
    codes = raw(bundle, "encoder", STEPS, runtime)
    how = {"runtime": runtime, "batch": batch}
    found = bundle.encode(IMAGES, dtype="int8", **how)
    assert found.dtype == np.int8
    np.testing.assert_array_equal(found, codes)
    np.testing.assert_array_equal(bundle.encode(IMAGES, **how), real("code", codes))
    images = real("reconstruction", raw(bundle, "decoder", codes, runtime))
    np.testing.assert_array_equal(bundle.decode(codes, **how), images)
    np.testing.assert_array_equal(bundle.decode(real("code", codes), **how), images)
    whole = real("reconstruction", raw(bundle, "autoencoder", STEPS, runtime))
    np.testing.assert_array_equal(bundle.reconstruct(IMAGES, **how), whole.reshape(IMAGES.shape))
    errors = whole.astype(np.float64) - IMAGES.reshape(70, 16) / np.float64(255)
    np.testing.assert_allclose(bundle.score(IMAGES, **how), (errors**2).mean(axis=1), rtol=1e-6)


def test_the_usual_runtime_is_xnnpack_and_floats_are_real_values(bundle):
    codes = raw(bundle, "encoder", STEPS, "litert-xnnpack")
    for images in (IMAGES, IMAGES / 255, (IMAGES / 255).astype(np.float32).tolist()):
        np.testing.assert_array_equal(bundle.encode(images, dtype="int8"), codes)
    np.testing.assert_array_equal(bundle.encode(IMAGES[:1], dtype="int8"), codes[:1])
    assert bundle.encode(IMAGES[:0]).shape == (0, 4)
    assert bundle.score(IMAGES[:0]).shape == (0,)


def test_a_long_run_is_taken_in_steps(bundle, monkeypatch):
    whole = bundle.encode(IMAGES), bundle.score(IMAGES), bundle.reconstruct(IMAGES)
    monkeypatch.setattr(session, "_STEP_VALUES", 16 * 9)
    for batch in (None, 4):
        again = [
            method(IMAGES, batch=batch)
            for method in (bundle.encode, bundle.score, bundle.reconstruct)
        ]
        for before, after in zip(whole, again, strict=True):
            np.testing.assert_array_equal(before, after)


def test_a_float_bundle_gives_floats(tiny_bundle):
    with edgeae.open(tiny_bundle("float32").root) as bundle:
        pixels = IMAGES.reshape(70, 16).astype(np.float32) * np.float32(1 / 255)
        codes = raw(bundle, "encoder", pixels, "litert-xnnpack")
        np.testing.assert_array_equal(bundle.encode(IMAGES), codes)
        np.testing.assert_allclose(bundle.encode(IMAGES), tiny.forward(pixels)["code"], atol=1e-5)
        with pytest.raises(BadInput, match="dtype 'int8': allowed are float32"):
            bundle.encode(IMAGES, dtype="int8")


@pytest.mark.parametrize("first", ["batch", 1])
def test_onnx_is_run_by_onnxruntime(first, tiny_bundle):
    files = tiny_bundle("float32")
    artifacts = []
    for part in files.parts:
        content = tiny.onnx_model(part)
        if first == 1:  # as in the files of int8
            model = onnx.load_from_string(content)
            for edge in (*model.graph.input, *model.graph.output):
                edge.type.tensor_type.shape.dim[0].dim_value = 1
            content = model.SerializeToString()
        (files.root / f"{part}.onnx").write_bytes(content)
        tflite = files.artifact(part)
        inputs, outputs = (
            tuple(dataclasses.replace(spec, shape=(first, *spec.values)) for spec in specs)
            for specs in (tflite.inputs, tflite.outputs)
        )
        own = {"format": "onnx", "flavour": "fp32", "path": f"{part}.onnx", "bytes": len(content)}
        own["sha256"] = hashlib.sha256(content).hexdigest()
        artifacts.append(dataclasses.replace(tflite, inputs=inputs, outputs=outputs, **own))
    changed(files, artifacts=(*files.manifest.artifacts, *artifacts))
    with edgeae.open(files.root) as bundle:
        usual = bundle.encode(IMAGES)
        for batch in (None, 1, 64):
            found = bundle.encode(IMAGES, runtime="onnxruntime-cpu", batch=batch)
            np.testing.assert_allclose(found, usual, atol=1e-5)


def test_columns_come_and_go_in_their_own_values(tiny_bundle):
    mean, deviation = tuple(range(16)), tuple(1.0 + 0.5 * place for place in range(16))
    root = changed(
        tiny_bundle(),
        normalization={"scale": 1.0, "offset": 0.0},
        standardization=Standardization(tuple(map(float, mean)), deviation),
    )
    rows = IMAGES.reshape(70, 16) / 255 * np.array(deviation) + np.array(mean)
    with edgeae.open(root) as bundle:
        codes = raw(bundle, "encoder", STEPS, "litert-xnnpack")
        np.testing.assert_array_equal(bundle.encode(rows, dtype="int8"), codes)
        whole = real("reconstruction", raw(bundle, "autoencoder", STEPS, "litert-xnnpack"))
        own = whole * np.array(deviation) + np.array(mean)
        np.testing.assert_allclose(bundle.reconstruct(rows), own, rtol=1e-5)
        np.testing.assert_allclose(bundle.decode(codes), own, rtol=1e-5)
        errors = whole - IMAGES.reshape(70, 16) / 255  # in the units after standardization
        np.testing.assert_allclose(bundle.score(rows), (errors**2).mean(axis=1), rtol=1e-4)


def test_scores_are_those_of_detect_and_its_threshold_is_known(tiny_bundle, tmp_path):
    files = tiny_bundle()
    rows = tmp_path / "rows.npy"
    np.save(rows, tiny.images(120, seed=5))
    found = detect(
        files, Asked(str(rows), false_alarms=0.05), ["litert-xnnpack"], lambda line: None
    )
    (side,) = found.sides
    with edgeae.open(files.root) as bundle:
        scores = np.sort(bundle.score(np.load(rows)))[::-1]
        assert side.threshold == scores[found.rank.k - 1] == bundle.threshold()
        with pytest.raises(NotMeasured, match="no threshold of the score mse on litert-builtin"):
            bundle.threshold("litert-builtin")
        (files.root / DETECT).unlink()
        with pytest.raises(NotMeasured, match="`edgeae detect` chooses it"):
            bundle.threshold()


def test_what_embed_wrote_is_opened_by_what_it_carries(tiny_bundle, tmp_path):
    root = tiny_bundle().root
    embed(root, "c", tmp_path / "out")
    with edgeae.open(root) as bundle, edgeae.open(str(tmp_path / "out")) as carried:
        assert carried.name == bundle.name
        np.testing.assert_array_equal(carried.encode(IMAGES), bundle.encode(IMAGES))
    (tmp_path / "my.tflite").write_bytes((root / "encoder.tflite").read_bytes())
    embed(tmp_path / "my.tflite", "c", tmp_path / "bare")
    with pytest.raises(BadInput, match=r"bare: made from the file my\.tflite, which is no bundle"):
        edgeae.open(tmp_path / "bare")


@pytest.mark.parametrize(
    ("call", "error", "told"),
    [
        ({"runtime": "litert-xnpack"}, BadInput, "unknown runtime 'litert-xnpack'; did you mean"),
        ({"runtime": "null"}, BadInput, "runtime null: gives no answers .*litert-xnnpack"),
        ({"runtime": "onnxruntime-cpu"}, BadInput, "which holds tflite; allowed are litert-x"),
        ({"runtime": "tensorflow-cpu"}, BadInput, "which holds tflite"),
        ({"batch": 0}, BadInput, "batch 0: allowed are whole numbers from 1"),
        ({"batch": 2.0}, BadInput, "batch 2.0: allowed"),
        ({"threads": 0}, BadInput, "threads 0: allowed"),
        ({"threads": True}, BadInput, "threads True: allowed"),
        ({"dtype": "int16"}, BadInput, "dtype 'int16': allowed are float32 and int8"),
    ],
)
def test_a_wrong_argument_is_named_with_what_is_allowed(call, error, told, bundle):
    with pytest.raises(error, match=told):
        bundle.encode(IMAGES, **call)


def test_what_is_no_bundle_is_refused(tmp_path):
    for place in (tmp_path, tmp_path / "none", str(tmp_path / "none")):
        with pytest.raises(BadInput, match=r"not a bundle \(no manifest\.json\); `edgeae export`"):
            edgeae.open(place)


def test_a_runtime_that_is_absent_gives_its_remedy(bundle, odd):
    with pytest.raises(RuntimeUnavailable, match="no such board is connected; plug one in"):
        bundle.encode(IMAGES, runtime="odd-absent")


def test_a_changed_file_is_no_model(bundle):
    corrupt(bundle.path / "encoder.tflite")
    with pytest.raises(ManifestMismatch, match=r"encoder\.tflite: sha256"):
        bundle.encode(IMAGES)


def test_answers_that_the_manifest_does_not_describe_are_no_codes(tiny_bundle):
    files = tiny_bundle()
    first, *others = files.manifest.artifacts
    assert first.part == "encoder"
    wrong = dataclasses.replace(first.output, shape=(1, 5))
    changed(files, artifacts=(dataclasses.replace(first, outputs=(wrong,)), *others))
    with edgeae.open(files.root) as bundle, pytest.raises(ManifestMismatch, match="gives int8"):
        bundle.encode(IMAGES)


def test_a_part_that_is_not_there_is_named(tiny_bundle):
    files = tiny_bundle()
    (encoder,) = [item for item in files.manifest.artifacts if item.part == "encoder"]
    with edgeae.open(changed(files, artifacts=(encoder,))) as bundle:
        assert bundle.encode(IMAGES).shape == (70, 4)
        with pytest.raises(BadInput, match=r"the bundle has no decoder\.tflite"):
            bundle.decode(np.zeros((1, 4)))
        with pytest.raises(BadInput, match="holds only the encoder; a reconstruction takes"):
            bundle.reconstruct(IMAGES)


def test_halves_reconstruct_together(tiny_bundle):
    files = tiny_bundle()
    with edgeae.open(files.root) as bundle:
        whole = bundle.reconstruct(IMAGES), bundle.score(IMAGES)
    halves = tuple(item for item in files.manifest.artifacts if item.part != "autoencoder")
    with edgeae.open(changed(files, artifacts=halves)) as bundle:
        np.testing.assert_array_equal(bundle.reconstruct(IMAGES), whole[0])
        np.testing.assert_array_equal(bundle.score(IMAGES), whole[1])


# --- sessions ---


def test_a_session_is_opened_once_for_each_setting(bundle, monkeypatch):
    opened = []
    plain = edgeae.Bundle.encode.__globals__["open_session"]

    def counted(files, setting):
        opened.append((setting.part, setting.batch))
        return plain(files, setting)

    monkeypatch.setitem(edgeae.Bundle.encode.__globals__, "open_session", counted)
    for batch in (None, 8, None, 8):
        bundle.encode(IMAGES, batch=batch)
    bundle.decode(np.zeros((1, 4)))
    assert opened == [("encoder", None), ("encoder", 8), ("decoder", None)]


def test_a_closed_bundle_says_so_and_its_folder_is_free(tiny_bundle):
    root = tiny_bundle().root
    bundle = edgeae.open(root)
    bundle.encode(IMAGES)
    bundle.close()
    bundle.close()
    for call in (lambda: bundle.encode(IMAGES), bundle.verify, lambda: bundle.gate(root)):
        with pytest.raises(BadInput, match=r"the bundle is closed; edgeae\.open opens it again"):
            call()
    assert "tiny/int8" in repr(bundle)


def test_a_bundle_stays_as_it_was_opened_until_it_is_closed(tiny_bundle, tmp_path):
    """A newer export replaces the link; the folder it led to is deleted by its last reader."""
    files = tiny_bundle()
    model = tmp_path / "build" / "tiny"
    (model / ".bundles").mkdir()
    old, new = model / ".bundles" / "old", model / ".bundles" / "new"
    shutil.move(files.root, old)
    shutil.copytree(old, new)
    link = model / "int8"
    link.symlink_to(Path(".bundles", "old"))
    bundle = edgeae.open(link)
    codes = bundle.encode(IMAGES)
    link.unlink()
    link.symlink_to(Path(".bundles", "new"))
    with holding(link):  # as the export that replaces it does
        remove_unless_held(old)
    assert old.exists()
    np.testing.assert_array_equal(bundle.encode(IMAGES, batch=2), codes)
    bundle.close()
    assert not old.exists() and new.exists()


def test_a_forgotten_bundle_lets_its_folder_go(tiny_bundle):
    root = tiny_bundle().root
    bundle = edgeae.open(root)
    bundle.encode(IMAGES)
    del bundle
    gc.collect()
    remove_unless_held(root)
    assert not root.exists()


def test_threads_may_share_a_bundle(bundle):
    expected = bundle.encode(IMAGES)
    wrong: list[object] = []

    def encode(number: int) -> None:
        try:
            for turn in range(20):
                batch = (None, 8)[(number + turn) % 2]
                if not np.array_equal(bundle.encode(IMAGES, batch=batch), expected):
                    wrong.append(number)
        except Exception as error:
            wrong.append(error)

    threads = [threading.Thread(target=encode, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


# --- without TensorFlow ---

_BLOCKED = """\
import sys

class Blocked:
    def find_spec(self, name, *_):
        if name.partition(".")[0] in {names}:
            raise ImportError(f"no module named {{name}}")

sys.meta_path.insert(0, Blocked())
import numpy as np
import edgeae

with edgeae.open({root!r}) as bundle:
    images = np.load({images!r})
    np.save({codes!r}, bundle.encode(images, dtype="int8"))
    assert bundle.verify(golden=True, runtimes=["litert-reference"]).passed
"""


@pytest.mark.cold
def test_all_of_it_works_where_tensorflow_is_not_installed(bundle, tmp_path):
    names = {"tensorflow", "keras", "tf_keras", "onnx", "sklearn", "jinja2"}
    np.save(tmp_path / "images.npy", IMAGES)
    program = _BLOCKED.format(
        names=names,
        root=str(bundle.path),
        images=str(tmp_path / "images.npy"),
        codes=str(tmp_path / "codes.npy"),
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    # LiteRT's own word, once a process
    assert [line for line in done.stderr.splitlines() if not line.startswith("INFO: ")] == []
    codes = raw(bundle, "encoder", STEPS, "litert-xnnpack")
    np.testing.assert_array_equal(np.load(tmp_path / "codes.npy"), codes)
