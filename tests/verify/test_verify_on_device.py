"""`edgeae verify --golden --on NAME`: a device compares; its findings have a file of their own."""

import json
import os

import pytest
from edgeae_cli import edgeae_here
from one_worker import OneWorker
from result_rows import PASSED, verified
from tampering import swap_rows

from edgeae.errors import ManifestMismatch, NotMeasured
from edgeae.scheduling import dask_executor
from edgeae.scheduling.device import Device
from edgeae.scheduling.task import Done, NoWorker
from edgeae.verify.on_device import file_of, verify_on
from edgeae.verify.run import verify

WHERE = ("--on", "pi4", "--scheduler", "tcp://127.0.0.1:1")


@pytest.fixture
def worker(tmp_path, monkeypatch) -> OneWorker:
    found = OneWorker(tmp_path / "worker")
    monkeypatch.setattr(dask_executor, "Dask", lambda *_, **__: found)
    return found


def on_device(worker, bundle, *runtimes):
    said: list[str] = []
    device = Device(worker, "pi4", said.append)
    return list(verify_on(device, [bundle], list(runtimes) or None, said.append)), said


def test_a_device_finds_what_this_machine_finds(worker, tiny_bundle):
    bundle = tiny_bundle()
    (found,), said = on_device(worker, bundle, "litert-builtin", "litert-reference")
    here = verify(bundle, None, ["litert-builtin", "litert-reference"], str)
    assert len(found.rows) == 6 and (found.rows, found.compositions) == (
        here.rows,
        here.compositions,
    )
    assert (found.codes, found.breaches, found.golden_only) == ((), [], True)
    assert said == ["pi4: verify tiny/int8"]
    assert {"manifest.json", "golden/image.npy"} <= set(worker.sent) <= set(bundle.files)
    table = json.loads((bundle.root / "verify.pi4.json").read_text())
    assert table.pop("machine") == dict(found.machine) and found.machine["worker"] == "pi4"
    assert found.machine["host"] == os.uname().nodename
    local = json.loads((bundle.root / "verify.json").read_text())
    assert local.pop("machine") is None and table == local


def test_the_verdict_of_this_machine_stays(worker, tiny_bundle, tmp_path):
    bundle = tiny_bundle()
    verified(bundle, PASSED)
    before = (bundle.root / "verify.json").read_bytes()
    words = ("verify", str(bundle.root), "--golden", "--runtime", "litert-builtin", *WHERE)
    done = edgeae_here(*words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"pi4 on {os.uname().nodename}: ")
    assert done.stdout.endswith("1 bundle: all pass\n")
    assert (bundle.root / "verify.json").read_bytes() == before
    done = edgeae_here(*words, "--json", cwd=tmp_path)
    (found,) = json.loads(done.stdout)
    assert found["machine"]["worker"] == "pi4"


def test_a_breach_names_the_device_and_ends_with_1(worker, tiny_bundle, tmp_path):
    bundle = swap_rows(tiny_bundle(), "encoder")
    words = ("verify", str(bundle.root), "--golden", "--runtime", "litert-builtin", *WHERE)
    done = edgeae_here(*words, cwd=tmp_path)
    assert done.returncode == 1
    lines = [line for line in done.stderr.splitlines() if line.startswith("edgeae: ")]
    named = f"edgeae: {bundle.root}/encoder.tflite on litert-builtin of pi4: "
    assert any(line.startswith(named) for line in lines), lines


def test_a_named_runtime_that_the_device_lacks_ends_with_3(worker, odd, tiny_bundle, tmp_path):
    words = ("verify", str(tiny_bundle("float32").root), "--golden", *WHERE)
    done = edgeae_here(*words, "--runtime", "odd-absent", cwd=tmp_path)
    assert done.returncode == 3
    assert "odd-absent: no such board is connected; plug one in" in done.stdout
    assert "1 not verified: no runtime there opens them" in done.stdout


def test_an_error_is_the_bundles_and_names_the_clients_file(worker, tiny_bundle):
    bundle = tiny_bundle()
    (bundle.root / "decoder.tflite").write_bytes(b"TFL3")
    (error,), _ = on_device(worker, bundle)
    assert isinstance(error, ManifestMismatch)
    assert str(error).startswith(f"{bundle.root}/decoder.tflite: sha256 ")


@pytest.mark.parametrize(
    ("change", "kind", "said"),
    [
        ({"rows": [{"part": 3}]}, ManifestMismatch, "worker pi4: its answer is damaged"),
        ({"manifest_sha256": "0" * 64}, NotMeasured, "a newer export replaced it; verify again"),
    ],
)
def test_an_answer_that_is_not_about_this_bundle_is_refused(
    worker, tiny_bundle, monkeypatch, change, kind, said
):
    run = OneWorker._run

    def changed(self, task):
        done = run(self, task)
        return Done(task, ({**done.reports[-1], **change},), None, 1.0, "pi4")

    monkeypatch.setattr(OneWorker, "_run", changed)
    bundle = tiny_bundle()
    (error,), _ = on_device(worker, bundle, "litert-builtin")
    assert type(error) is kind and said in str(error)
    assert not (bundle.root / "verify.pi4.json").exists()


def test_a_device_that_is_gone_ends_the_command(worker, tiny_bundle):
    worker.gone = True
    with pytest.raises(NoWorker):
        on_device(worker, tiny_bundle())


def test_a_file_is_called_after_the_worker_or_its_host():
    assert file_of({"worker": "pi4", "host": "raspberrypi"}) == "verify.pi4.json"
    assert file_of({"host": "raspberrypi"}) == "verify.raspberrypi.json"
    assert file_of({"host": "../x"}) == "verify.device.json"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (WHERE, "--on pi4: only with --golden; a device gets no dataset"),
        ((*WHERE, "--golden", "--port", "/dev/x"), "--port /dev/x: not together with --on pi4"),
        (("--golden", "--on", "pi4"), "--on pi4: needs --scheduler tcp://HOST:PORT"),
    ],
)
def test_what_does_not_go_together_is_one_line(words, said, tiny_bundle, tmp_path, monkeypatch):
    monkeypatch.delenv("DASK_SCHEDULER_ADDRESS", raising=False)
    done = edgeae_here("verify", str(tiny_bundle().root), *words, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"edgeae: {said}"), line
