import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tiny
from c_cases.edges import edge
from c_models import model, operator
from tampering import weights_outside

from edgeae import runtimes
from edgeae.artifacts.manifest import TensorSpec
from edgeae.errors import BadInput, NotMeasured, RuntimeUnavailable
from edgeae.runtimes import RUNTIMES
from edgeae.runtimes.protocol import VerifiedArtifact

ENGINES = {
    "edgeae.runtimes.tensorflow": "tensorflow",
    "edgeae.runtimes.litert": "ai_edge_litert",
    "edgeae.runtimes.litert_gpu": "ai_edge_litert",
    "edgeae.runtimes.onnxruntime": "onnxruntime",
}
#: TensorFlow takes seconds to import; its own tests open it.
LIGHT = [name for name in RUNTIMES if not name.startswith("tensorflow")]
LITERT = ["litert-xnnpack", "litert-builtin", "litert-reference"]


def real_images() -> np.ndarray:
    return tiny.images().reshape(-1, tiny.PIXELS).astype(np.float32) / np.float32(255)


def onnx_program(part: str = "autoencoder") -> VerifiedArtifact:
    described = tiny.program(part, "float32").artifact
    content = tiny.onnx_model(part)
    return VerifiedArtifact(
        replace(described, format="onnx", path=f"{part}.onnx"), content, Path(f"{part}.onnx")
    )


@pytest.mark.parametrize("name", LIGHT)
def test_a_runtime_loads_and_is_there_or_says_what_it_takes(name):
    runtime = runtimes.load(name)
    assert runtime.formats == RUNTIMES[name].formats == runtimes.formats(name)
    try:
        assert runtime.version() and runtime.device().name
    except RuntimeUnavailable as error:
        assert name in ("onnxruntime-cuda", "litert-gpu") or name.startswith("c-")
        assert error.remedy


@pytest.mark.parametrize(
    "name", [name for name, entry in RUNTIMES.items() if entry.module in ENGINES]
)
def test_a_runtime_whose_package_is_missing_says_what_installs_it(name, monkeypatch):
    entry = RUNTIMES[name]
    monkeypatch.delitem(sys.modules, entry.module, raising=False)
    monkeypatch.delitem(sys.modules, "edgeae.originals.legacy_keras", raising=False)
    monkeypatch.delitem(sys.modules, "edgeae.originals.keras_parts", raising=False)
    for module in [module for module in sys.modules if module.startswith(ENGINES[entry.module])]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, ENGINES[entry.module], None)
    with pytest.raises(RuntimeUnavailable) as caught:
        runtimes.load(name)
    assert ENGINES[entry.module] in caught.value.reason
    assert caught.value.remedy.startswith("pip install ")


def test_only_the_null_runtime_has_no_answers():
    assert [name for name in LIGHT if not runtimes.load(name).answers] == ["null"]


@pytest.mark.parametrize("call", [runtimes.load, runtimes.formats])
def test_an_unknown_runtime_offers_the_nearest(call):
    with pytest.raises(BadInput, match="did you mean 'litert-xnnpack'"):
        call("litert-xnpack")


def test_the_table_imports_no_engine():
    program = (
        "import sys, edgeae.runtimes;"
        "print([m for m in sys.modules if m.split('.')[0] in"
        " ('tensorflow', 'tf_keras', 'ai_edge_litert', 'onnxruntime', 'onnx')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("name", LITERT)
@pytest.mark.parametrize("threads", [1, 2])
def test_litert_runs_int8_as_its_own_interface_does(name, threads, int8_program):
    x = (np.rint(real_images() * 255) - 128).astype(np.int8)
    expected = tiny.run(int8_program.content, x, tiny.RESOLVERS[name])
    reference = tiny.run(int8_program.content, x, tiny.RESOLVERS["litert-reference"])
    session = runtimes.load(name).open(int8_program, threads)
    answers = np.concatenate([session.run(row[None]) for row in x])
    assert answers.dtype == np.int8
    np.testing.assert_array_equal(answers, expected)
    # the optimized kernels round a few dense outputs otherwise; XNNPACK does not
    limit = 1 if name == "litert-builtin" else 0
    assert np.abs(answers.astype(int) - reference).max() <= limit
    session.close()


@pytest.mark.parametrize("name", [*LITERT, "onnxruntime-cpu"])
@pytest.mark.parametrize("part", tiny.EDGES)
def test_floats_are_those_of_numpy(name, part):
    program = onnx_program(part) if name == "onnxruntime-cpu" else tiny.program(part, "float32")
    source, target = tiny.EDGES[part]
    known = tiny.forward(real_images())
    session = runtimes.load(name).open(program, threads=1)
    answers = [session.run(row[None]) for row in known[source].astype(np.float32)]
    session.close()
    assert answers[0].shape == (1, known[target].shape[1]) and answers[0].dtype == np.float32
    assert np.abs(np.concatenate(answers) - known[target]).max() < 1e-5


@pytest.mark.parametrize("name", ["litert-xnnpack", "onnxruntime-cpu"])
@pytest.mark.parametrize("threads", [1, 2, 3])
def test_an_engine_computes_with_as_many_threads_as_it_is_told(name, threads):
    """The others start theirs at the first call that is worth it."""
    program = onnx_program() if name == "onnxruntime-cpu" else tiny.program(flavour="float32")
    runtime, running = runtimes.load(name), Path("/proc/self/task")
    before = {path.name for path in running.iterdir()}
    session = runtime.open(program, threads)
    session.run(real_images()[:1])
    started = {path.name for path in running.iterdir()} - before
    session.close()
    assert len(started) == threads - 1  # the caller is one of them


@pytest.mark.parametrize("name", [*LITERT, "onnxruntime-cpu", "null"])
def test_an_answer_is_the_callers_to_keep(name):
    program = onnx_program() if name == "onnxruntime-cpu" else tiny.program(flavour="float32")
    session = runtimes.load(name).open(program, threads=1)
    first = session.run(real_images()[:1])
    kept = first.copy()
    first_again = session.run(real_images()[1:2])
    np.testing.assert_array_equal(first, kept)
    first[...] = 9
    np.testing.assert_array_equal(session.run(real_images()[1:2]), first_again)
    session.close()


def test_null_copies_in_and_gives_zeros_of_the_right_kind(int8_program):
    session = runtimes.load("null").open(int8_program, threads=1)
    x = np.full((1, 16), 5, np.int8)
    answer = session.run(x)
    assert answer.shape == (1, 16) and answer.dtype == np.int8 and not answer.any()
    assert not np.shares_memory(answer, session.run(x))
    with pytest.raises(ValueError, match="broadcast"):
        session.run(np.zeros((1, 17), np.int8))
    session.close()


@pytest.mark.parametrize(
    "content", [b"", b"garbage", b"\0" * 1000, b"\x1c\0\0\0TFL3" + b"\xff" * 500]
)
@pytest.mark.parametrize("name", [*LITERT, "onnxruntime-cpu"])
def test_garbage_is_refused_by_name(name, content, int8_program):
    program = replace(int8_program, content=content, path=Path("somewhere/mine.bin"))
    with pytest.raises(BadInput, match=r"somewhere/mine\.bin: refused by ") as caught:
        runtimes.load(name).open(program, threads=1)
    assert "\n" not in str(caught.value)


def test_weights_in_other_files_are_not_read(tmp_path, monkeypatch):
    (tmp_path / "weights.bin").write_bytes(bytes(4096))
    monkeypatch.chdir(tmp_path)  # where onnxruntime looks by itself
    artifact = replace(tiny.program("encoder", "float32").artifact, format="onnx")
    program = VerifiedArtifact(artifact, weights_outside("weights.bin"), Path("encoder.onnx"))
    with pytest.raises(BadInput, match=r"encoder\.onnx: refused by onnxruntime: .*External data"):
        runtimes.load("onnxruntime-cpu").open(program, threads=1)


def test_the_other_format_is_refused(int8_program):
    with pytest.raises(BadInput, match="refused by onnxruntime"):
        runtimes.load("onnxruntime-cpu").open(int8_program, threads=1)
    with pytest.raises(BadInput, match="refused by LiteRT"):
        runtimes.load("litert-reference").open(onnx_program(), threads=1)


def test_an_operator_that_the_reference_kernels_lack_is_named_with_what_works(int8_program):
    tensors = [edge(name, (4,), "float32", 1.0, 0) for name in "xy"]
    lacking = replace(int8_program, content=model(tensors, [operator("ELU", [0], [1])]))
    with pytest.raises(BadInput) as caught:
        runtimes.load("litert-reference").open(lacking, threads=1)
    assert "its reference kernels, with which answers are compared, lack ELU" in str(caught.value)
    assert "another activation" in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("name", LITERT)
def test_an_input_other_than_the_manifests_is_refused(name, int8_program):
    described = replace(int8_program.artifact, inputs=(TensorSpec("image", (1, 16), "uint8"),))
    with pytest.raises(BadInput, match="input is int8, expected uint8"):
        runtimes.load(name).open(replace(int8_program, artifact=described), threads=1)


def test_xnnpack_says_when_it_did_not_run_all(int8_program):
    runtime = runtimes.load("litert-xnnpack")
    assert runtime.open(int8_program, threads=1).note == ""


def test_xnnpack_refuses_to_lend_its_name_to_other_kernels():
    from edgeae.formats.tflite.graph import Graph, Tensor, write

    # EXPM1-like operators stay with the interpreter; CUMSUM is one that XNNPACK never takes
    axis = Tensor("axis", (), "int32", np.array(1, np.int32))
    edges = Tensor("image", (1, 16), "float32"), Tensor("reconstruction", (1, 16), "float32")
    only = tiny.operator("CUMSUM", 1, (0, 2), (1,), "CumsumOptions")
    graph = Graph((*edges, axis), (only,), {"image": 0}, {"reconstruction": 1})
    program = replace(tiny.program(flavour="float32"), content=write(graph))
    runtimes.load("litert-builtin").open(program, threads=1).close()
    session = runtimes.load("litert-xnnpack").open(program, threads=1)
    with pytest.raises(NotMeasured, match="took none"):
        _ = session.note  # asked for by whoever reports a figure or an answer


def test_cuda_where_there_is_none_is_never_the_cpu_in_its_name(monkeypatch):
    import onnxruntime

    cuda, providers = runtimes.load("onnxruntime-cuda"), ["CPUExecutionProvider"]
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: providers)
    with pytest.raises(RuntimeUnavailable, match="has no CUDAExecutionProvider") as caught:
        cuda.version()
    assert "pip install onnxruntime-gpu" in caught.value.remedy
    providers.append("CUDAExecutionProvider")
    assert cuda.version()


@pytest.mark.parametrize(
    ("flags", "saturates"),
    [
        ({"sse2", "avx2"}, True),
        ({"sse2", "avx2", "avx_vnni"}, False),
        ({"sse2", "avx512_vnni"}, False),
        ({"asimd", "asimddp"}, False),
        (set(), False),
    ],
)
def test_int8_kernels_that_saturate_are_not_used_and_the_session_says_so(
    flags, saturates, monkeypatch
):
    from edgeae.runtimes import onnxruntime

    monkeypatch.setattr(onnxruntime, "cpu_flags", lambda: frozenset(flags))
    program = onnx_program()
    assert onnxruntime.CPU.open(program, threads=1).note == ""  # of floats
    quantized = replace(program, content=program.content + b"DequantizeLinear")
    assert onnxruntime.CPU._saturates(quantized.content) == saturates
    assert not onnxruntime.CUDA._saturates(quantized.content)
