"""A tiny autoencoder built by hand, for tests: 4×4 images, 16 → 8 → 4 → 16, no TensorFlow.

    image (1, 16) ─ FULLY_CONNECTED+RELU ─ hidden (1, 8) ─ FULLY_CONNECTED ─ code (1, 4)
                  ─ FULLY_CONNECTED ─ reconstruction (1, 16)

The weights are fixed by a seed, the last layer's fitted to images: the model does better than their
mean. `float_graph()` and `int8_graph()` are the same model;
`parts(graph)` cuts either into encoder, decoder and autoencoder; `forward()` is the model in numpy,
sharing no code with edgeae; `images()` are uint8, smooth, and reach 0 and 255.

On disk: `dataset_file(folder)` writes an `.npz` of those images, and `write_bundle(folder)` a whole
bundle that agrees with it: three `.tflite`, seven golden arrays, a manifest with true figures.
"""

import hashlib
import tempfile
from functools import cache
from pathlib import Path

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from edgeae import data
from edgeae.artifacts.bundle import EDGES, MANIFEST, Bundle, gzip_size, npy_bytes, open_bundle
from edgeae.artifacts.manifest import (
    SCHEMA,
    Artifact,
    Code,
    Golden,
    Manifest,
    OpVersion,
    TensorSpec,
)
from edgeae.formats.tflite.cut import cut, with_edges
from edgeae.formats.tflite.graph import Graph, Operator, Tensor, write
from edgeae.metrics.loss import Loss
from edgeae.metrics.tolerance import Tolerance
from edgeae.runtimes.protocol import VerifiedArtifact

PIXELS, HIDDEN, CODE = 16, 8, 4
RESOLVERS = {
    "litert-xnnpack": OpResolverType.AUTO,
    "litert-builtin": OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    "litert-reference": OpResolverType.BUILTIN_REF,
}
#: Tensor → (scale, zero point) of the int8 model.
QUANTIZED = {
    "image": (float(np.float32(1 / 255)), -128),
    "hidden": (float(np.float32(0.0045)), -128),
    "code": (float(np.float32(0.003)), 30),
    "reconstruction": (float(np.float32(1 / 256)), -128),
}
_LAYERS = (("image", "hidden"), ("hidden", "code"), ("code", "reconstruction"))
_WIDTHS = {"image": PIXELS, "hidden": HIDDEN, "code": CODE, "reconstruction": PIXELS}
_FUSED = {"hidden": schema.ActivationFunctionType.RELU}
_MACS = {"encoder": 16 * 8 + 8 * 4, "decoder": 4 * 16, "autoencoder": 16 * 8 + 8 * 4 + 4 * 16}


def weights() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Layer (by its output) → float32 weights (out, in) and bias (out,)."""
    layers = _encoder()
    matrix, bias = _fitted()
    return {**layers, "reconstruction": (matrix.copy(), bias.copy())}


def _encoder() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    random = np.random.default_rng(7)
    layers = {}
    for source, target in _LAYERS[:2]:
        rows, columns = _WIDTHS[target], _WIDTHS[source]
        matrix = random.normal(0, 0.9 / np.sqrt(columns), (rows, columns)).astype(np.float32)
        layers[target] = matrix, random.normal(0.1, 0.1, rows).astype(np.float32)
    return layers


@cache
def _fitted() -> tuple[np.ndarray, np.ndarray]:
    """The decoder: ridge regression from codes to images, rounded, so that all machines agree."""
    known = images(100, seed=4).reshape(-1, PIXELS) / 255
    codes = np.c_[_codes(_encoder(), known)["code"], np.ones(len(known))]
    ridge = np.diag([4.0] * CODE + [0.0])  # large weights would cost int8 more than its tolerance
    found = np.linalg.solve(codes.T @ codes + ridge, codes.T @ known).round(2).astype(np.float32)
    return np.ascontiguousarray(found[:CODE].T), found[CODE]


def forward(image: np.ndarray) -> dict[str, np.ndarray]:
    """The model in float64 numpy: image (n, 16) → every tensor by name."""
    layers = weights()
    found = _codes(layers, image)
    reconstruction = found["code"] @ layers["reconstruction"][0].T + layers["reconstruction"][1]
    return {"image": image, **found, "reconstruction": reconstruction}


def _codes(layers: dict[str, tuple[np.ndarray, np.ndarray]], image: np.ndarray) -> dict:
    hidden = np.maximum(image.astype(np.float64) @ layers["hidden"][0].T + layers["hidden"][1], 0)
    return {"hidden": hidden, "code": hidden @ layers["code"][0].T + layers["code"][1]}


def images(n: int = 64, seed: int = 3) -> np.ndarray:
    """Images (n, 4, 4), uint8; the first is black, the second white."""
    random = np.random.default_rng(seed)
    down, across = np.mgrid[0:4, 0:4] / 3
    waves = random.uniform(0.5, 4, (n, 2, 1, 1))
    shift = random.uniform(0, 6, (n, 1, 1))
    pictures = 0.5 + 0.5 * np.sin(waves[:, 0] * down + waves[:, 1] * across + shift)
    pictures[0], pictures[1] = 0, 1
    return np.round(pictures * 255).astype(np.uint8)


def operator(
    name: str, version: int, inputs: tuple[int, ...], outputs: tuple[int, ...], kind: str, **options
) -> Operator:
    """An operator with the options `kind`, such as `FullyConnectedOptions`."""
    settings = schema.OperatorT()
    settings.builtinOptionsType = getattr(schema.BuiltinOptions, kind)
    settings.builtinOptions = getattr(schema, f"{kind}T")()
    for key, value in options.items():
        assert hasattr(settings.builtinOptions, key), key
        setattr(settings.builtinOptions, key, value)
    return Operator(name, version, inputs, outputs, settings)


def float_graph() -> Graph:
    """The float32 model; tensors 0 to 3 are image, hidden, code, reconstruction."""
    tensors = [Tensor(name, (1, width), "float32") for name, width in _WIDTHS.items()]
    operators = []
    for source, target in _LAYERS:
        matrix, bias = weights()[target]
        constants = [
            Tensor(f"{target}/weights", matrix.shape, "float32", matrix),
            Tensor(f"{target}/bias", bias.shape, "float32", bias),
        ]
        operators.append(_dense(tensors, source, target, constants, version=1))
    return Graph(tuple(tensors), tuple(operators), {"image": 0}, {"reconstruction": 3})


def int8_graph() -> Graph:
    """The same model in full integer, per-tensor; tensors 0 to 3 as in `float_graph`."""
    tensors = [
        Tensor(name, (1, width), "int8", None, (QUANTIZED[name][0],), (QUANTIZED[name][1],))
        for name, width in _WIDTHS.items()
    ]
    operators = []
    for source, target in _LAYERS:
        matrix, bias = weights()[target]
        scale = np.float32(np.abs(matrix).max() / 127)
        bias_scale = np.float32(QUANTIZED[source][0]) * scale
        q_matrix = np.rint(matrix / scale).astype(np.int8)
        q_bias = np.rint(bias / bias_scale).astype(np.int32)
        constants = [
            Tensor(f"{target}/weights", matrix.shape, "int8", q_matrix, (float(scale),), (0,)),
            Tensor(f"{target}/bias", bias.shape, "int32", q_bias, (float(bias_scale),), (0,)),
        ]
        operators.append(_dense(tensors, source, target, constants, version=4))
    return Graph(tuple(tensors), tuple(operators), {"image": 0}, {"reconstruction": 3})


def _dense(
    tensors: list[Tensor], source: str, target: str, constants: list[Tensor], version: int
) -> Operator:
    first = len(tensors)
    tensors += constants
    names = list(_WIDTHS)
    fused = _FUSED.get(target, schema.ActivationFunctionType.NONE)
    return operator(
        "FULLY_CONNECTED",
        version,
        (names.index(source), first, first + 1),
        (names.index(target),),
        "FullyConnectedOptions",
        fusedActivationFunction=fused,
    )


def conversion_graph(name: str, source: Tensor, target: Tensor) -> Graph:
    """One QUANTIZE or DEQUANTIZE between two tensors."""
    kind = "QuantizeOptions" if name == "QUANTIZE" else "DequantizeOptions"
    version = 1 if name == "QUANTIZE" else 2
    only = operator(name, version, (0,), (1,), kind)
    return Graph((source, target), (only,), {source.name: 0}, {target.name: 1})


def parts(graph: Graph) -> dict[str, Graph]:
    """Cut a whole model (image and reconstruction are its edges, tensor 2 is the code)."""
    place = {"image": graph.inputs["image"], "code": 2}
    place["reconstruction"] = graph.outputs["reconstruction"]
    return {
        part: cut(graph, {source: place[source]}, {target: place[target]})
        for part, (source, target) in EDGES.items()
    }


def run(content: bytes, x: np.ndarray, resolver: OpResolverType) -> np.ndarray:
    """Run a model on each row of `x` (n, …) by LiteRT's own interface; rows are batches of 1."""
    interpreter = Interpreter(model_content=content, experimental_op_resolver_type=resolver)
    interpreter.allocate_tensors()
    source = interpreter.get_input_details()[0]["index"]
    target = interpreter.get_output_details()[0]["index"]
    rows = []
    for row in x:
        interpreter.set_tensor(source, row[None])
        interpreter.invoke()
        rows.append(interpreter.get_tensor(target)[0])
    return np.stack(rows)


def artifact(part: str, graph: Graph, flavour: str, content: bytes) -> Artifact:
    """Describe a part's `.tflite`."""
    names = sorted({(op.name, op.version) for op in graph.operators})
    counts = [(op.name, op.version) for op in graph.operators]
    return Artifact(
        part=part,
        format="tflite",
        flavour=flavour,
        path=f"{part}.tflite",
        sha256=hashlib.sha256(content).hexdigest(),
        bytes=len(content),
        gzip_bytes=gzip_size(content),
        inputs=tuple(_spec(graph, *item, flavour) for item in graph.inputs.items()),
        outputs=tuple(_spec(graph, *item, flavour) for item in graph.outputs.items()),
        ops=tuple(OpVersion(*item, counts.count(item)) for item in names),
        minimum_runtime="1.14.0",
        macs=_MACS[part],
        sparsity={},
        parent=None if part == "autoencoder" else "autoencoder.tflite",
    )


def _spec(graph: Graph, name: str, index: int, flavour: str) -> TensorSpec:
    tensor = graph.tensors[index]
    if not tensor.scales:
        # behind a float edge of an int8 model are the steps of its int8 tensor
        behind = QUANTIZED[name] if flavour == "int8" else (None, None)
        return TensorSpec(name, tensor.shape, tensor.dtype, *behind)
    return TensorSpec(name, tensor.shape, tensor.dtype, tensor.scales[0], tensor.zero_points[0])


def program(part: str = "autoencoder", flavour: str = "int8") -> VerifiedArtifact:
    """A part of the model, ready for a runtime to open."""
    graph = parts(int8_graph() if flavour == "int8" else float_graph())[part]
    content = write(graph)
    return VerifiedArtifact(
        artifact(part, graph, flavour, content), content, Path(f"{part}.tflite")
    )


def dataset_file(folder: Path) -> Path:
    """Write `tiny.npz`: 100 training images (10 become validation) and 64 for the test."""
    path = folder / "tiny.npz"
    np.savez(path, x_train=images(100, seed=4), x_test=images(64))
    return path


def write_bundle(
    folder: Path,
    flavour: str = "int8",
    *,
    io: str | None = None,
    model: str = "tiny",
    recipe: str | None = None,
    tolerance: Tolerance | None = None,
    mean_loss: float | None = None,
) -> Bundle:
    """Write a bundle of the model into `folder` (made when missing) and open it.

    Args:
        folder: becomes the bundle itself: its manifest is `folder/manifest.json`.
        flavour: `int8` or `float32`.
        io: the edges' element type of an int8 bundle: `int8` (the default), `uint8`, `float32`.
        model: name of the model.
        recipe: name of the recipe; the flavour unless given.
        tolerance: what verify accepts; unless given the defaults, but 1 LSB: LiteRT's optimized
            kernels (`litert-builtin`) round a few outputs of this model otherwise.
        mean_loss: of the dataset; unless given the manifest lacks it, as older ones do.
    """
    folder.mkdir(parents=True, exist_ok=True)
    dataset_file(folder.parent)
    files = _bundle_files(flavour, io, model, recipe, tolerance, mean_loss)
    (folder / "golden").mkdir(exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return open_bundle(folder)


@cache
def _bundle_files(
    flavour: str,
    io: str | None,
    model: str,
    recipe: str | None,
    tolerance: Tolerance | None,
    mean_loss: float | None,
) -> dict[str, bytes]:
    """Path in the bundle → bytes: hundreds of tests begin with the same ones."""
    whole = int8_graph() if flavour == "int8" else float_graph()
    graphs = parts(whole)
    if io is not None:
        graphs = {part: with_edges(graph, io) for part, graph in graphs.items()}
    contents = {part: write(graph) for part, graph in graphs.items()}
    artifacts = {part: artifact(part, graphs[part], flavour, contents[part]) for part in graphs}
    original, exported, golden = _golden(contents, artifacts)
    arrays = {name: npy_bytes(array) for name, array in golden.items()}
    with tempfile.TemporaryDirectory() as place:
        dataset = data.load(str(dataset_file(Path(place))))
    codes = _real(golden["encoder"], artifacts["encoder"].output)
    spec = artifacts["encoder"].output
    manifest = Manifest(
        schema=SCHEMA,
        model=model,
        recipe=recipe or flavour,
        recipe_sha256=hashlib.sha256(flavour.encode()).hexdigest(),
        weights_sha256=hashlib.sha256(b"tiny").hexdigest(),
        tools={"ai-edge-litert": "2.3.0"},
        dataset={
            "name": "tiny",
            "sha256": dataset.sha256,
            "n": len(dataset.test),
            **({} if mean_loss is None else {"mean_loss": mean_loss}),
        },
        normalization=dataset.normalization.to_json(),
        representative={"n": 90, "seed": 0, "sha256": "0" * 64} if flavour == "int8" else None,
        loss=Loss.of(original, exported, None),
        code=Code(CODE, spec.scale, spec.zero_point, float(codes.min()), float(codes.max())),
        tolerance=tolerance or Tolerance(max_lsb=1),
        golden=Golden(
            len(golden["image"]),
            {name: hashlib.sha256(content).hexdigest() for name, content in arrays.items()},
        ),
        artifacts=tuple(artifacts.values()),
    )
    return {
        **{f"{part}.tflite": content for part, content in contents.items()},
        **{f"golden/{name}.npy": content for name, content in arrays.items()},
        MANIFEST: manifest.to_json().encode(),
    }


def _golden(
    contents: dict[str, bytes], artifacts: dict[str, Artifact]
) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    """Losses of 64 test images by the original and by the export, (64,), and the golden arrays."""
    real = images(64).reshape(64, PIXELS).astype(np.float32) * np.float32(1 / 255)
    known = forward(real)
    outputs: dict[str, np.ndarray] = {}
    for part in EDGES:
        x = _stored(real, artifacts[part].input) if part != "decoder" else outputs["encoder"]
        outputs[part] = run(contents[part], x, RESOLVERS["litert-reference"])
    answer = _real(outputs["autoencoder"], artifacts["autoencoder"].output)
    floats = {name: known[name].astype(np.float32) for name in ("image", "code", "reconstruction")}
    original = np.mean((known["reconstruction"].astype(np.float64) - real) ** 2, axis=1)
    exported = np.mean((answer.astype(np.float64) - real) ** 2, axis=1)
    return original, exported, {**floats, **outputs}


def _stored(real: np.ndarray, spec: TensorSpec) -> np.ndarray:
    """Pixels in an edge's element type; exact, as its scale is 1/255."""
    if spec.scale is None or spec.dtype == "float32":
        return real
    return (np.rint(real * 255) + spec.zero_point).astype(spec.dtype)


def _real(stored: np.ndarray, spec: TensorSpec) -> np.ndarray:
    if spec.scale is None or spec.dtype == "float32":
        return stored
    return ((stored.astype(np.float64) - spec.zero_point) * spec.scale).astype(np.float32)


def onnx_model(part: str = "autoencoder") -> bytes:
    """The float model as ONNX, one Gemm per layer; the batch is free."""
    from onnx import TensorProto, helper, numpy_helper

    source, target = EDGES[part]
    names = list(_WIDTHS)
    wanted = names[names.index(source) + 1 : names.index(target) + 1]
    nodes, constants = [], []
    for name in wanted:
        matrix, bias = weights()[name]
        constants += [
            numpy_helper.from_array(matrix, f"{name}_w"),
            numpy_helper.from_array(bias, f"{name}_b"),
        ]
        before = names[names.index(name) - 1]
        result = f"{name}_sum" if name in _FUSED else name
        inputs = [before, f"{name}_w", f"{name}_b"]
        nodes.append(helper.make_node("Gemm", inputs, [result], transB=1))
        if name in _FUSED:
            nodes.append(helper.make_node("Relu", [result], [name]))
    edges = [
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", _WIDTHS[name]])]
        for name in (source, target)
    ]
    graph = helper.make_graph(nodes, part, edges[0], edges[1], constants)
    opset = [helper.make_opsetid("", 18)]
    return helper.make_model(graph, opset_imports=opset, ir_version=10).SerializeToString()
