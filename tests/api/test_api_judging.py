"""`verify`, `bench` and `gate` of an open bundle: what the commands say, and no word unasked."""

import json

import pytest
from tampering import corrupt

import edgeae
from edgeae.errors import BadInput, ManifestMismatch, NotMeasured
from edgeae.verify.rows import VERIFY


@pytest.fixture
def bundle(tiny_bundle):
    with edgeae.open(tiny_bundle().root) as opened:
        yield opened


@pytest.fixture
def quiet(capsys):
    """Fail if anything was printed."""
    yield
    told = capsys.readouterr()
    assert (told.out, told.err) == ("", "")


def test_verify_passes_writes_its_file_and_prints_as_the_command(bundle, quiet):
    found = bundle.verify(golden=True, runtimes=["litert-reference"])
    assert found.passed and found.breaches == []
    assert "1 bundle: all pass" in repr(found)
    table = json.loads((bundle.path / VERIFY).read_text())
    assert table["golden_only"] and table["runtimes"] == ["litert-reference"]


def test_verify_tells_what_is_out_of_tolerance(bundle, odd, quiet):
    found = bundle.verify(golden=True, runtimes=["odd-nan"])
    assert not found.passed and found.breaches


def test_a_linked_bundle_is_told_by_its_link(tiny_bundle, odd, quiet):
    root = tiny_bundle().root
    store = root.parent / ".bundles"
    store.mkdir()
    root.rename(store / "a")
    root.symlink_to(".bundles/a")
    with edgeae.open(root) as linked:
        found = linked.verify(golden=True, runtimes=["odd-nan"])
    assert found.breaches and all(line.startswith(f"{root}/") for line in found.breaches)


def test_verify_on_the_datasets_images(bundle, quiet):
    with pytest.raises(BadInput, match=r"exported with dataset tiny; --data PATH\.npz names it"):
        bundle.verify()
    with pytest.raises(BadInput, match="unknown runtime"):
        bundle.verify(golden=True, runtimes=["litert"])
    with pytest.raises(NotMeasured, match=r"the original \(model\.keras, train\.json\) is missing"):
        bundle.verify(data=str(bundle.path.parent / "tiny.npz"))


def test_verify_of_a_changed_file_is_a_mismatch(bundle, quiet):
    corrupt(bundle.path / "decoder.tflite")
    with pytest.raises(ManifestMismatch, match=r"decoder\.tflite: sha256"):
        bundle.verify(golden=True, runtimes=["litert-reference"])


def test_bench_times_and_keeps_rows_only_where_it_is_told(bundle, tmp_path, quiet):
    how = {"runtimes": ["litert-xnnpack"], "parts": ["encoder"], "seconds": 0.02}
    found = bundle.bench(**how)
    (row,) = found.rows
    assert row.measured and (row.model, row.recipe, row.part) == ("tiny", "int8", "encoder")
    assert "litert-xnnpack" in repr(found)
    assert [path.name for path in tmp_path.iterdir()] == ["build"]
    results = tmp_path / "rows.jsonl"
    bundle.bench(**how, results=results, rounds=2)
    assert len(results.read_text().splitlines()) == 2


def test_bench_of_nothing_is_not_measured(bundle, quiet):
    with pytest.raises(NotMeasured, match="nothing to time"):
        bundle.bench(runtimes=["onnxruntime-cpu"])
    with pytest.raises(BadInput, match="unknown runtime 'litert'"):
        bundle.bench(runtimes=["litert"])


def test_gate_of_itself_passes(bundle, tiny_bundle, quiet):
    for baseline in (bundle, bundle.path, str(bundle.path)):
        found = bundle.gate(baseline, runtimes=["litert-xnnpack"])
        assert found.passed and found.verdict == "pass"
    assert "pass" in repr(found)


def test_gate_judges_by_its_budget(bundle, tiny_bundle, quiet):
    with edgeae.open(tiny_bundle("float32", recipe="int8", model="tiny").root) as other:
        assert other.manifest.recipe == "int8"
    with pytest.raises(BadInput, match="unknown key 'max_ration'; did you mean 'max_ratio'"):
        bundle.gate(bundle, max_ration=1.1)
    with pytest.raises(BadInput, match="max_ratio = 0"):
        bundle.gate(bundle, max_ratio=0)


def test_progress_goes_where_it_is_asked_for(bundle, capsys):
    lines: list[str] = []
    bundle.verify(golden=True, runtimes=["litert-reference"], progress=lines.append)
    assert lines == ["verify tiny/int8: tflite on litert-reference"]
    told = capsys.readouterr()
    assert (told.out, told.err) == ("", "")
    bundle.verify(golden=True, runtimes=["litert-reference"], progress=True)
    told = capsys.readouterr()
    assert told.out == "" and told.err.splitlines() == lines
    bundle.bench(runtimes=["litert-xnnpack"], parts=["encoder"], seconds=0.02, progress=True)
    told = capsys.readouterr()
    assert told.out == "" and "bench: 1/1" in told.err
