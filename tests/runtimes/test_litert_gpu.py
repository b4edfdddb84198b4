"""The GPU runtime, really run: on SwiftShader, a Vulkan driver that computes on the processor."""

import ctypes
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tiny
from ai_edge_litert.compiled_model import CompiledModel
from ai_edge_litert.hardware_accelerator import HardwareAccelerator
from ai_edge_litert.tensor_buffer import TensorBuffer
from original_models import NumpyOriginals, check
from tampering import replace_artifact

from edgeae import runtimes
from edgeae.artifacts.manifest import TensorSpec
from edgeae.cli.doctor import doctor
from edgeae.errors import BadInput, NotMeasured, RuntimeCrashed, RuntimeUnavailable
from edgeae.formats.tflite.cut import with_edges
from edgeae.formats.tflite.graph import Graph, Operator, Tensor, write
from edgeae.metrics import parity
from edgeae.runtimes import vulkan
from edgeae.runtimes.answers import ask
from edgeae.runtimes.protocol import Device, Session, VerifiedArtifact
from edgeae.timing.bench import probe

SWIFTSHADER = "/usr/lib/chromium/vk_swiftshader_icd.json"
DEVICE = "SwiftShader Device (Subzero)"
GPU = "litert-gpu"

pytestmark = pytest.mark.system


@pytest.fixture(scope="session", autouse=True)
def there_is_a_software_device() -> None:
    """Fail, never skip, when there is none, and say what installs it."""
    try:
        ctypes.CDLL("libvulkan.so.1")
    except OSError:
        pytest.fail("Vulkan's loader is missing: apt-get install libvulkan1", pytrace=False)
    if not Path(SWIFTSHADER).exists():
        pytest.fail(f"{SWIFTSHADER} is missing: apt-get install chromium", pytrace=False)


@pytest.fixture(autouse=True)
def chosen(monkeypatch) -> None:
    """Name the software device, here and in every child process."""
    monkeypatch.setenv("VK_DRIVER_FILES", SWIFTSHADER)
    monkeypatch.delenv("VK_ICD_FILENAMES", raising=False)


def pixels(n: int = 64) -> np.ndarray:
    return tiny.images(n).reshape(n, tiny.PIXELS)


def real(n: int = 64) -> np.ndarray:
    return pixels(n).astype(np.float32) * np.float32(1 / 255)


def opened(program: VerifiedArtifact, batch: int = 1) -> Session:
    return runtimes.load(GPU).open(program, threads=1, batch=batch)


def with_graph(graph: Graph, path: str = "mine.tflite") -> VerifiedArtifact:
    known = tiny.program(flavour="float32")
    return replace(known, content=write(graph), path=Path(path))


def with_last(name: str) -> VerifiedArtifact:
    """The float model and one more operator, without options."""
    import ai_edge_litert.schema_py_generated as schema

    graph = tiny.float_graph()
    more = Tensor("last", (1, tiny.PIXELS), "float32")
    last = Operator(name, 1, (3,), (len(graph.tensors),), schema.OperatorT())
    return with_graph(
        replace(
            graph,
            tensors=(*graph.tensors, more),
            operators=(*graph.operators, last),
            outputs={"reconstruction": len(graph.tensors)},
        )
    )


# Its answers


@pytest.mark.parametrize("part", tiny.EDGES)
def test_floats_are_those_of_numpy(part):
    source, target = tiny.EDGES[part]
    known = tiny.forward(real())
    session = opened(tiny.program(part, "float32"))
    answers = [session.run(row[None]) for row in known[source].astype(np.float32)]
    session.close()
    assert answers[0].shape == (1, known[target].shape[1]) and answers[0].dtype == np.float32
    limit = 1e-5 * max(1, np.abs(known[target]).max())
    assert np.abs(np.concatenate(answers) - known[target]).max() <= limit


@pytest.mark.parametrize("io", ["int8", "uint8", "float32"])
def test_int8_is_that_of_the_reference_kernels(io):
    content = write(with_edges(tiny.int8_graph(), io))
    x = {"int8": (pixels().astype(int) - 128).astype(np.int8), "uint8": pixels(), "float32": real()}
    expected = tiny.run(content, x[io], tiny.RESOLVERS["litert-reference"])
    known = tiny.program(flavour="int8")
    edges = (replace(known.artifact.input, dtype=io),)
    session = opened(VerifiedArtifact(replace(known.artifact, inputs=edges), content, known.path))
    answers = np.concatenate([session.run(row[None]) for row in x[io]])
    session.close()
    assert answers.dtype == expected.dtype == np.dtype(io)
    step = 1 / 256 if io == "float32" else 1
    assert np.abs(answers.astype(float) - expected.astype(float)).max() <= step
    assert len(np.unique(answers)) > 50


@pytest.mark.parametrize("flavour", ["float32", "int8"])
def test_a_bundle_passes_in_a_child_process(flavour, tiny_bundle):
    findings = check(tiny_bundle(flavour), GPU)
    assert findings.codes == () and findings.breaches == []
    assert [row.part for row in findings.rows] == ["encoder", "decoder", "autoencoder"]
    for row in findings.rows:
        assert (row.verdict, row.n, row.note) == ("pass", 64, "")
        assert (row.device, row.software) == (DEVICE, True)
        assert row.runtime_version == runtimes.load("litert-reference").version()
    assert [item.verdict for item in findings.compositions] == ["pass"]


def test_a_batch_is_answered_image_by_image():
    one, eight = (opened(tiny.program(flavour="float32"), batch) for batch in (1, 8))
    x = real(8)
    together = eight.run(x)
    assert together.shape == (8, tiny.PIXELS)
    apart = np.concatenate([one.run(row[None]) for row in x])
    assert np.abs(together - apart).max() < 1e-6
    one.close()
    eight.close()


def test_a_batch_that_the_model_does_not_allow_is_refused():
    graph = tiny.float_graph()
    shape = Tensor("shape", (2,), "int32", np.array([1, tiny.PIXELS], np.int32))
    more = Tensor("last", (1, tiny.PIXELS), "float32")
    n = len(graph.tensors)
    fixed = tiny.operator("RESHAPE", 1, (3, n), (n + 1,), "ReshapeOptions")
    program = with_graph(
        replace(
            graph,
            tensors=(*graph.tensors, shape, more),
            operators=(*graph.operators, fixed),
            outputs={"reconstruction": n + 1},
        )
    )
    opened(program).close()
    with pytest.raises(NotMeasured, match=r"^mine\.tflite: refused .* a batch of 8: ") as info:
        opened(program, batch=8)
    assert "\n" not in str(info.value)


@pytest.mark.parametrize("batch", [1, 8])
@pytest.mark.parametrize("dtype", ["float32", "int8", "uint8"])
@pytest.mark.parametrize("sizes", [(16, 16), (16, 4), (4, 16)])
def test_the_fixed_cost_model_opens_between_any_edges(sizes, dtype, batch):
    given, wanted = sizes
    edges = [TensorSpec(name, (1, size), dtype) for name, size in zip("ab", sizes, strict=True)]
    artifact = replace(tiny.program().artifact, inputs=(edges[0],), outputs=(edges[1],))
    x = np.arange(1, 1 + batch * given).reshape(batch, given).astype(dtype)
    session = runtimes.load(GPU).open_fixed(artifact, threads=1, batch=batch)
    answer = session.run(x)
    session.close()
    padded = np.concatenate([x, np.zeros((batch, wanted), dtype)], axis=1)[:, :wanted]
    assert answer.dtype == np.dtype(dtype)
    np.testing.assert_array_equal(answer, padded)


@pytest.mark.parametrize(("given", "wanted"), [("float32", "int8"), ("int8", "float32")])
def test_the_fixed_cost_model_converts_between_edges_of_two_types(given, wanted):
    edges = TensorSpec("a", (1, 4), given), TensorSpec("b", (1, 16), wanted)
    artifact = replace(tiny.program().artifact, inputs=edges[:1], outputs=edges[1:])
    session = runtimes.load(GPU).open_fixed(artifact, threads=1)
    assert session.run(np.zeros((1, 4), given)).dtype == np.dtype(wanted)
    session.close()


@pytest.mark.parametrize("x", [np.zeros((1, 15)), np.zeros((1, 17)), np.zeros((1, 16), np.int32)])
def test_an_input_of_another_kind_is_refused(x):
    """The engine itself takes the bytes of any that are not too many."""
    session = opened(tiny.program(flavour="float32"))
    x = x if x.dtype == np.int32 else x.astype(np.float32)
    with pytest.raises(ValueError, match=r"expected \(16, dtype\('float32'\)\)"):
        session.run(x)
    session.close()


# Where it runs


def test_a_software_device_says_so():
    version = runtimes.load("litert-reference").version()
    assert probe(GPU) == {"version": version, "device": DEVICE, "software": True}


def test_doctor_labels_a_software_device_and_no_other(monkeypatch, capsys):
    def answer(name: str) -> dict[str, object]:
        return {"version": "1", "device": f"device of {name}", "software": name == GPU}

    monkeypatch.setattr("edgeae.timing.bench.probe", answer)
    doctor()
    text = capsys.readouterr().out
    assert f"device of {GPU} (software device)\n" in text
    assert text.count("(software device)") == 1


def absence(name: str = GPU) -> str:
    answer = probe(name)
    assert answer.keys() == {"error", "code"} and answer["code"] == 3, answer
    assert "\n" not in answer["error"]
    return answer["error"]


def test_a_driver_that_is_not_there_is_an_absence_with_its_remedy(monkeypatch):
    monkeypatch.setenv("VK_DRIVER_FILES", "/nonexistent/icd.json")
    error = absence()
    assert error.startswith("Vulkan has no device with VK_DRIVER_FILES=/nonexistent/icd.json; ")
    assert "GPU and its driver" in error and f"VK_DRIVER_FILES={SWIFTSHADER}" in error


def test_a_software_device_is_never_taken_unnamed(monkeypatch):
    """On a machine with a GPU that is what is found; on any other nothing is, here Mesa's too."""
    monkeypatch.delenv("VK_DRIVER_FILES")
    answer = probe(GPU)
    if "error" in answer:
        assert answer["error"].startswith("Vulkan has no device here; it needs a GPU")
        assert f"VK_DRIVER_FILES={SWIFTSHADER}" in answer["error"]
    else:
        assert answer["software"] is False


def test_an_absent_device_is_a_row_of_verify(tiny_bundle, monkeypatch):
    monkeypatch.setenv("VK_DRIVER_FILES", "/nonexistent/icd.json")
    findings = check(tiny_bundle("float32"), GPU, "litert-reference")
    (row,) = [row for row in findings.rows if row.runtime == GPU]
    assert row.verdict == "unavailable" and "Vulkan has no device" in row.reasons[0]
    assert findings.codes == ()


CARD, CHIP = Device("A card"), Device("A chip")


def test_a_session_says_that_there_were_other_gpus(monkeypatch):
    monkeypatch.setattr(vulkan, "devices", lambda: (CARD, CHIP, CARD))
    session = opened(tiny.program(flavour="float32"))
    assert session.note == "Vulkan also has A chip"
    session.close()


# What it refuses


@pytest.mark.parametrize("name", ["ZEROS_LIKE", "RELU_0_TO_1"])
def test_operators_that_the_gpu_does_not_take_are_never_run_on_the_processor(name):
    program = with_last(name)
    runtimes.load("litert-builtin").open(program, threads=1).close()
    with pytest.raises(NotMeasured, match=r"^mine\.tflite: .* does not take all of its operators"):
        opened(program)


def test_it_asks_for_the_gpu_alone_and_for_float32(monkeypatch):
    asked = []
    compile_it = CompiledModel.from_buffer

    def record(content: bytes, **settings: object) -> object:
        asked.append(settings["options"])
        return compile_it(content, **settings)

    monkeypatch.setattr(CompiledModel, "from_buffer", record)
    opened(tiny.program(flavour="float32")).close()
    (options,) = asked
    assert options.hardware_accelerators == HardwareAccelerator.GPU
    assert options.gpu_options.enforce_f32


@pytest.mark.parametrize(
    "content",
    [b"", b"garbage", b"\0" * 1000, b"\x1c\0\0\0TFL3" + b"\xff" * 500, "half", "operator"],
)
def test_damaged_bytes_never_reach_the_compiled_model(content, monkeypatch):
    whole = tiny.program(flavour="float32")
    if content == "half":
        content = whole.content[: len(whole.content) // 2]
    if content == "operator":
        content = with_last("COMPLEX_ABS").content
    monkeypatch.setattr(CompiledModel, "from_buffer", None)
    with pytest.raises(BadInput, match=r"^somewhere/mine\.bin: refused by LiteRT: ") as info:
        opened(replace(whole, content=content, path=Path("somewhere/mine.bin")))
    assert "\n" not in str(info.value)


def test_a_damaged_file_costs_its_own_part_alone(tiny_bundle):
    bundle = tiny_bundle("float32")
    content = (bundle.root / "decoder.tflite").read_bytes()
    bundle = replace_artifact(bundle, "decoder", content[: len(content) // 2])
    answers = ask(bundle.root, GPU, "tflite", real(), None)
    error = answers.errors["composed"]
    assert isinstance(error, BadInput) and not isinstance(error, RuntimeCrashed)
    assert str(error).startswith(f"{bundle.root}/decoder.tflite: refused by LiteRT: ")
    assert set(answers.outputs) == {"encoder", "autoencoder"}


def test_an_input_other_than_the_manifests_is_refused():
    known = tiny.program(flavour="int8")
    described = replace(known.artifact, inputs=(TensorSpec("image", (1, 16), "uint8"),))
    with pytest.raises(BadInput, match="input is int8, expected uint8"):
        opened(replace(known, artifact=described))


def test_a_model_that_alone_is_refused_is_the_models_fault(monkeypatch):
    known = tiny.program(flavour="float32")
    compile_it = CompiledModel.from_buffer

    def refuse(content: bytes, **settings: object) -> object:
        if content == known.content:
            raise RuntimeError("ERROR: [there:1]\n└ too odd")
        return compile_it(content, **settings)

    monkeypatch.setattr(CompiledModel, "from_buffer", refuse)
    with pytest.raises(BadInput, match=r"autoencoder\.tflite: .*: ERROR: \[there:1\] └ too odd$"):
        opened(known)


def test_an_accelerator_that_opens_nothing_is_absent(monkeypatch):
    def refuse(content: bytes, **settings: object) -> None:
        raise RuntimeError("ERROR: [there:1]")

    monkeypatch.setattr(CompiledModel, "from_buffer", refuse)
    with pytest.raises(RuntimeUnavailable, match="does not start on this device"):
        opened(tiny.program())


# Only the output in host memory is an answer


def recorded(
    monkeypatch: pytest.MonkeyPatch, kind: type, name: str, happened: list[str] | None = None
) -> list[object]:
    """Note each call of a method in `happened`; return the list that its results come to."""
    original, results = getattr(kind, name), []

    def record(*arguments: object, **settings: object) -> object:
        results.append(original(*arguments, **settings))
        if happened is not None:
            happened.append(name)
        return results[-1]

    monkeypatch.setattr(kind, name, record)
    return results


def test_the_output_is_read_inside_run(monkeypatch):
    happened: list[str] = []
    for kind, name in (
        (TensorBuffer, "write"),
        (CompiledModel, "run_by_index"),
        (TensorBuffer, "read"),
    ):
        recorded(monkeypatch, kind, name, happened)
    session = opened(tiny.program(flavour="float32"))
    known = tiny.forward(real())["reconstruction"]
    answers = []
    for row in real()[:5]:
        happened.clear()
        answers.append(session.run(row[None]))
        assert happened == ["write", "run_by_index", "read"]
    session.close()
    assert type(answers[0]) is np.ndarray and answers[0].flags.writeable
    # each is of its own input, and none was overwritten by the next
    np.testing.assert_allclose(np.concatenate(answers), known[:5], atol=1e-5)
    assert not any(np.shares_memory(answers[0], other) for other in answers[1:])


def heavy_program(width: int = 512, layers: int = 6) -> VerifiedArtifact:
    """Dense layers that keep the device busy for milliseconds."""
    random = np.random.default_rng(5)
    tensors = [Tensor(f"x{place}", (1, width), "float32") for place in range(layers + 1)]
    operators = []
    for place in range(layers):
        matrix = random.normal(0, width**-0.5, (width, width)).astype(np.float32)
        bias = np.zeros(width, np.float32)
        inputs = place, len(tensors), len(tensors) + 1
        tensors += [
            Tensor(f"w{place}", matrix.shape, "float32", matrix),
            Tensor(f"b{place}", bias.shape, "float32", bias),
        ]
        operators.append(
            tiny.operator("FULLY_CONNECTED", 1, inputs, (place + 1,), "FullyConnectedOptions")
        )
    graph = Graph(tuple(tensors), tuple(operators), {"image": 0}, {"reconstruction": layers})
    edges = [TensorSpec(name, (1, width), "float32") for name in ("image", "reconstruction")]
    artifact = replace(tiny.program().artifact, inputs=(edges[0],), outputs=(edges[1],))
    return VerifiedArtifact(artifact, write(graph), Path("heavy.tflite"))


class ByHand:
    """A compiled model driven by LiteRT's own interface, in buffers of its own."""

    def __init__(self, model: CompiledModel, width: int) -> None:
        self.model, self.width = model, width
        self.inputs = model.create_input_buffers(0)
        self.outputs = model.create_output_buffers(0)

    def start(self, x: np.ndarray) -> None:
        self.inputs[0].write(x)
        self.model.run_by_index(0, self.inputs, self.outputs)

    def read(self) -> np.ndarray:
        return self.outputs[0].read(self.width, np.float32)

    def start_and_read(self, x: np.ndarray) -> np.ndarray:
        self.start(x)
        return self.read()


def seconds(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


@pytest.fixture(scope="module")
def heavy() -> VerifiedArtifact:
    return heavy_program()


def test_a_run_takes_as_long_as_run_and_read_by_hand(heavy, monkeypatch):
    width = heavy.artifact.input.values[0]
    x = np.random.default_rng(6).random((1, width), np.float32)
    compiled = recorded(monkeypatch, CompiledModel, "from_buffer")
    session = opened(heavy)
    # two compilations of one model differ by up to 6 %: it has to be the same one
    hand = ByHand(compiled[0], width)
    np.testing.assert_array_equal(session.run(x)[0], hand.start_and_read(x))

    def turn(ours_first: bool) -> tuple[float, float]:
        """Return what `run` takes, and what starting alone takes; per run and read by hand."""
        calls = [lambda: session.run(x), lambda: hand.start_and_read(x)]
        order = calls if ours_first else calls[::-1]
        ours, theirs = [seconds(call) for call in order][:: 1 if ours_first else -1]
        started = seconds(lambda: hand.start(x))
        hand.read()
        return ours / theirs, started / theirs

    rounds = []
    for _ in range(10):  # neighbours may disturb a round; a read outside `run` spoils every one
        turns = [turn(ours_first=bool(number % 2)) for number in range(60)]
        rounds.append([statistics.median(ratios) for ratios in zip(*turns, strict=True)])
        if abs(rounds[-1][0] - 1) <= 0.05:
            break
    session.close()
    assert abs(rounds[-1][0] - 1) <= 0.05, rounds
    # what a run without its read would have given
    assert min(started for _, started in rounds) < 0.5, rounds


# Verify


def test_a_software_device_is_verified_on_200_images(tiny_bundle):
    n = 250
    originals = NumpyOriginals(real(n))
    bundle = tiny_bundle("float32")
    findings = check(bundle, GPU, "litert-xnnpack", against=originals)
    assert findings.codes == ()
    assert {(row.runtime, row.n) for row in findings.rows} == {(GPU, 200), ("litert-xnnpack", n)}
    assert {(item.runtime, item.n) for item in findings.compositions} == {
        (GPU, 200),
        ("litert-xnnpack", n),
    }
    images = real(n)
    for row in findings.rows:
        if row.part == "encoder":
            continue
        known = tiny.forward(images[: row.n])["reconstruction"].astype(np.float32)
        assert row.loss == pytest.approx(parity.mse(known, images[: row.n]), rel=1e-5)
        assert abs(row.added_loss) < 1e-7  # against the original's loss on the same images
