"""Every package whose version changes a bundle's bytes is told for those recipes that use it."""

import ast
import importlib.metadata
import sys

import pytest
from edgeae_cli import ROOT

from edgeae import __version__, recipe
from edgeae.conversion.plan.tools import control_versions, tool_versions
from edgeae.recipe import Cluster, Prune, Qat, Recipe

ALWAYS = {"edgeae", "numpy", "tensorflow", "tf-keras", "ai-edge-litert", "flatbuffers"}
PRUNE, CLUSTER = {"prune": Prune(0.5)}, {"cluster": Cluster(16), "per_channel": False}
INT8 = {"quantization": "int8", "io": "int8"}
ONNX = {"formats": ("tflite", "onnx")}
WRITING = {"onnx", "protobuf", "tf2onnx"}
CLUSTERING = "scikit-learn"
FORMS = {
    "float32": ({}, set()),
    "int8": (INT8, set()),
    "int4": ({"quantization": "int4"}, {"ai-edge-quantizer"}),
    "onnx": (ONNX, WRITING),
    "qdq": ({**INT8, **ONNX}, WRITING),
    "fast": ({**INT8, **ONNX, "onnx": "fast"}, {*WRITING, "onnxruntime"}),
    "fp16": ({"quantization": "float16", **ONNX}, {*WRITING, "onnxruntime"}),
    "pruned": ({**PRUNE, "steps": ("prune",)}, set()),
    "clustered": ({**INT8, **CLUSTER, "steps": ("cluster",)}, {CLUSTERING}),
    "trained": ({**INT8, "qat": Qat(), "steps": ("qat",)}, set()),
    "by tfmot": (
        {**INT8, "cluster": Cluster(16, engine="tfmot"), "steps": ("cluster",)},
        {"tensorflow-model-optimization"},
    ),
    "all steps": (
        {**INT8, **PRUNE, **CLUSTER, "qat": Qat(), "steps": ("prune", "cluster", "qat")},
        {CLUSTERING},
    ),
}
#: Module → package, of what shapes bytes.
PACKAGES = {
    "ai_edge_litert": "ai-edge-litert",
    "ai_edge_quantizer": "ai-edge-quantizer",
    "flatbuffers": "flatbuffers",
    "google": "protobuf",
    "numpy": "numpy",
    "onnx": "onnx",
    "onnxruntime": "onnxruntime",
    "sklearn": "scikit-learn",
    "tensorflow": "tensorflow",
    "tensorflow_model_optimization": "tensorflow-model-optimization",
    "tf2onnx": "tf2onnx",
    "tf_keras": "tf-keras",
}


@pytest.mark.parametrize("form", FORMS)
def test_a_recipe_tells_exactly_the_packages_that_it_uses(form):
    keys, further = FORMS[form]
    assert tool_versions(Recipe("x", **keys)).keys() == ALWAYS | further


def test_versions_are_those_of_the_packages():
    found = tool_versions(recipe.find("p80-c16-pcqat-int8"))
    assert found.pop("edgeae") == __version__
    assert found == {name: importlib.metadata.version(name) for name in found}


def test_every_package_that_makes_bundles_is_told_by_some_recipe():
    told = set().union(*(tool_versions(Recipe("x", **keys)) for keys, _ in FORMS.values()))
    assert told == {"edgeae", *PACKAGES.values()}
    rooms = ("conversion", "compression", "formats")
    files = [path for room in rooms for path in (ROOT / "edgeae" / room).rglob("*.py")]
    files.append(ROOT / "edgeae" / "originals" / "legacy_keras.py")
    imported = {name.split(".")[0] for path in files for name in imports(path.read_text())}
    others = {"edgeae", "threadpoolctl"}  # limits the threads, whatever its version
    assert imported - set(sys.stdlib_module_names) - others == PACKAGES.keys()


def imports(text: str) -> set[str]:
    nodes = list(ast.walk(ast.parse(text)))
    found = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    return found | {node.module for node in nodes if isinstance(node, ast.ImportFrom)}


def test_a_control_is_one_for_all_recipes_of_its_budget():
    """It neither prunes nor converts: it does not hang on what does."""
    assert control_versions().keys() == {"edgeae", "numpy", "tensorflow", "tf-keras"}
