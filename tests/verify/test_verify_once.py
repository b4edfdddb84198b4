"""Verify runs nothing twice on the same inputs, and finds all that it would find if it did."""

import numpy as np
import pytest
import tiny
from original_models import NumpyOriginals, check
from tampering import replace_golden, swap_rows

from edgeae.metrics.tolerance import Tolerance
from edgeae.runtimes import Device, child
from edgeae.runtimes.answers import COMPOSED, ask, longest_s
from edgeae.verify import run as verify_run
from edgeae.verify import subject as subjects

REFERENCE = "litert-reference"


def around(bundle, n: int = 100) -> NumpyOriginals:
    """Test images of which some are the golden ones, in another order."""
    more = tiny.images(n, seed=21).reshape(n, -1).astype(np.float32) * np.float32(1 / 255)
    golden = bundle.golden("image").reshape(-1, tiny.PIXELS)
    return NumpyOriginals(np.concatenate([more, golden[::-1]]))


@pytest.fixture
def runs(monkeypatch):
    """The number of images of each run of the reference kernels."""
    counted: list[int] = []

    def counting(root, runtime, form, images, codes, **settings):
        if runtime == REFERENCE:
            counted.append(len(images))
        return ask(root, runtime, form, images, codes, **settings)

    monkeypatch.setattr(verify_run, "ask", counting)
    monkeypatch.setattr(subjects, "ask", counting)
    return counted


@pytest.mark.parametrize(
    ("flavour", "io"), [("float32", None), ("int8", "int8"), ("int8", "float32")]
)
def test_golden_images_that_are_test_images_run_once(flavour, io, tiny_bundle, runs, monkeypatch):
    bundle = tiny_bundle(flavour, io=io)
    found = check(bundle, REFERENCE, "litert-builtin", against=around(bundle))
    assert runs == [164] and found.codes == ()
    monkeypatch.setattr(verify_run, "answers_within", lambda *_: None)
    assert check(bundle, REFERENCE, "litert-builtin", against=around(bundle)).rows == found.rows
    assert runs == [164, 164, 64]


def test_golden_images_of_other_data_run_by_themselves(tiny_bundle, runs):
    bundle = tiny_bundle()
    images = np.delete(around(bundle).images, 120, axis=0)
    assert check(bundle, REFERENCE, against=NumpyOriginals(images)).codes == ()
    assert runs == [163, 64]


@pytest.mark.parametrize("part", ["encoder", "decoder", "autoencoder"])
def test_answers_that_changed_since_the_export_are_found_all_the_same(part, tiny_bundle):
    loose = Tolerance(max_lsb=255, share_over_1lsb=1.0, added_loss=1.0, added_p99=1.0)
    bundle = swap_rows(tiny_bundle(tolerance=loose), part)
    found = check(bundle, REFERENCE, against=around(bundle))
    failed = {row.part for row in found.rows if row.verdict == "fail"}
    assert failed == {part} and found.codes == (1,)


def test_golden_codes_that_are_not_the_encoders_are_run_by_the_decoder(tiny_bundle, runs):
    """The decoder's answers to the encoder's own codes say nothing about them."""
    bundle = tiny_bundle()
    bundle = replace_golden(bundle, "encoder", bundle.golden("encoder")[::-1].copy())
    found = check(bundle, REFERENCE, against=around(bundle))
    assert runs == [164, 64]
    verdicts = {row.part: row.verdict for row in found.rows}
    assert verdicts == {"encoder": "fail", "decoder": "fail", "autoencoder": "pass"}


class Counting:
    """A runtime whose decoder adds 1; it counts the inputs of each run."""

    def __init__(self) -> None:
        self.ran: list[tuple[str, int]] = []

    def version(self) -> str:
        return "1"

    def device(self) -> Device:
        return Device("none")

    def open(self, program, threads):
        return Session(self, program.artifact)


class Session:
    note = "counted"

    def __init__(self, runtime: Counting, artifact) -> None:
        self._runtime, self._artifact = runtime, artifact

    def run(self, x):
        self._runtime.ran.append((self._artifact.part, len(x)))
        first = x.reshape(len(x), -1)[:, :1] + np.int8(1)
        return np.tile(first, (1, *self._artifact.output.values)).astype(np.int8)

    def close(self) -> None:
        pass


@pytest.mark.parametrize("same", [True, False])
def test_a_decoder_is_run_once_on_codes_that_are_its_own(same, tiny_bundle, tmp_path, monkeypatch):
    bundle, runtime = tiny_bundle(), Counting()
    monkeypatch.setattr(child, "load", lambda name, line: runtime)
    images = np.zeros((3, tiny.PIXELS), np.float32)
    np.save(tmp_path / "images.npy", images)
    codes = np.full((3, tiny.CODE), -127, np.int8)  # pixels of 0 are -128, to which it adds 1
    codes[-1, -1] += 0 if same else 1
    np.save(tmp_path / "codes.npy", codes)
    tasks = [
        ("encoder", "encoder", "images", {}),
        (COMPOSED, "decoder", "encoder", {}),
        ("decoder", "decoder", "codes", {"twin": COMPOSED}),
    ]
    job = {
        "root": str(bundle.root),
        "runtime": "counting",
        "format": "tflite",
        "threads": 1,
        "sessions": 1,
        "tasks": [
            {
                "name": name,
                "part": part,
                "inputs": str(tmp_path / f"{inputs}.npy"),
                "outputs": str(tmp_path / f"{name}.npy"),
                **more,
            }
            for name, part, inputs, more in tasks
        ],
    }
    told = list(child.run(job))
    assert told[1:] == [{"note": "counted"}] * 3
    assert [part for part, _ in runtime.ran].count("decoder") == (3 if same else 6)
    answers = {name: np.load(tmp_path / f"{name}.npy") for name, *_ in tasks}
    assert np.array_equal(answers["encoder"], np.full((3, tiny.CODE), -127))
    assert np.array_equal(answers["decoder"], answers[COMPOSED])
    assert (answers["decoder"] == -126).all()


def test_a_long_run_has_the_time_that_it_takes(tiny_bundle):
    """A kernel of 3.5 ns for each multiply-accumulate, on a machine with ten such runs at once."""
    artifacts = [tiny_bundle().artifact(part) for part in ("encoder", "decoder")]
    macs = sum(artifact.macs for artifact in artifacts)
    added = longest_s(artifacts, 10**9) - longest_s(artifacts, 0)
    assert longest_s(artifacts, 0) == 600 and added == pytest.approx(macs * 35)
