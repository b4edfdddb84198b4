"""Changes to a bundle on disk that its manifest does, or does not, know of."""

import dataclasses
import hashlib
import json
from pathlib import Path

import numpy as np
import tiny

from edgeae.artifacts.bundle import MANIFEST, Bundle, gzip_size, npy_bytes, open_bundle


def swap_rows(bundle: Bundle, part: str = "decoder") -> Bundle:
    """Swap the first two rows of the last layer's weights; the manifest's hashes follow."""
    flavour = bundle.artifact(part).flavour
    graph = tiny.int8_graph() if flavour == "int8" else tiny.float_graph()
    layer = "code" if part == "encoder" else "reconstruction"
    matrix = next(tensor.data for tensor in graph.tensors if tensor.name == f"{layer}/weights")
    path = bundle.root / f"{part}.tflite"
    content = path.read_bytes()
    assert content.count(matrix.tobytes()) == 1
    swapped = np.concatenate([matrix[[1, 0]], matrix[2:]])
    return replace_artifact(bundle, part, content.replace(matrix.tobytes(), swapped.tobytes()))


def replace_artifact(bundle: Bundle, part: str, content: bytes) -> Bundle:
    """Replace a `.tflite`; the manifest describes the new one."""
    (bundle.root / f"{part}.tflite").write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    table = json.loads((bundle.root / MANIFEST).read_text())
    for artifact in table["artifacts"]:
        if artifact["path"] == f"{part}.tflite":
            artifact |= {
                "sha256": digest,
                "bytes": len(content),
                "gzip_bytes": gzip_size(content),
            }
    return rewrite(bundle.root, table)


def replace_golden(bundle: Bundle, name: str, array: np.ndarray) -> Bundle:
    """Replace a golden array; the manifest describes the new one."""
    (bundle.root / "golden" / f"{name}.npy").write_bytes(npy_bytes(array))
    table = json.loads((bundle.root / MANIFEST).read_text())
    table["golden"]["sha256"][name] = hashlib.sha256(npy_bytes(array)).hexdigest()
    return rewrite(bundle.root, table)


def corrupt(path: Path) -> None:
    """Flip one bit in the middle of a file; no manifest follows."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def add_onnx(bundle: Bundle) -> Bundle:
    """Add the three `.onnx` files of the float model."""
    added = []
    for part in tiny.EDGES:
        content = tiny.onnx_model(part)
        (bundle.root / f"{part}.onnx").write_bytes(content)
        described = bundle.artifact(part)
        free = {
            edges: tuple(
                dataclasses.replace(spec, shape=("batch", *spec.shape[1:]))
                for spec in getattr(described, edges)
            )
            for edges in ("inputs", "outputs")
        }
        artifact = dataclasses.replace(
            described,
            format="onnx",
            flavour="fp32",
            path=f"{part}.onnx",
            sha256=hashlib.sha256(content).hexdigest(),
            bytes=len(content),
            gzip_bytes=gzip_size(content),
            parent=None,
            **free,
        )
        added.append(dataclasses.asdict(artifact))
    table = json.loads((bundle.root / MANIFEST).read_text())
    table["artifacts"] += added
    return rewrite(bundle.root, table)


def rewrite(root: Path, table: dict) -> Bundle:
    """Write a manifest and open its bundle."""
    (root / MANIFEST).write_text(json.dumps(table))
    return open_bundle(root)


def weights_outside(location: str) -> bytes:
    """Return a model whose first weights lie in another file."""
    import onnx

    model = onnx.load_from_string(tiny.onnx_model("encoder"))
    constant = model.graph.initializer[0]
    size = len(constant.raw_data)
    constant.ClearField("raw_data")
    constant.data_location = onnx.TensorProto.EXTERNAL
    constant.external_data.add(key="location", value=location)
    constant.external_data.add(key="length", value=str(size))
    return bytes(model.SerializeToString())
