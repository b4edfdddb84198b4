"""The versions of the packages that made a bundle or a control.

Does not import TensorFlow: the check whether a bundle is up to date must be cheap.
"""

from edgeae import __version__
from edgeae.recipe import Recipe
from edgeae.system.extras import versions

#: Packages that train.
_TRAINING = ("numpy", "tensorflow", "tf-keras")
#: Packages that convert, write and run a `.tflite`, under every recipe.
_ALWAYS = (*_TRAINING, "ai-edge-litert", "flatbuffers")


def tool_versions(recipe: Recipe) -> dict[str, str]:
    """Return package → version of the packages that affect the artifacts of a recipe.

    Raises:
        RuntimeUnavailable: one of the packages is not installed.
    """
    names = [*_ALWAYS]
    if "onnx" in recipe.formats:
        names += ["onnx", "protobuf", "tf2onnx"]
        if recipe.quantization == "float16" or recipe.onnx == "fast":
            names += ["onnxruntime"]
    if recipe.cluster is not None and recipe.cluster.engine == "edgeae":
        names += ["scikit-learn"]
    if any(item.engine == "tfmot" for item in recipe.settings):
        names += ["tensorflow-model-optimization"]
    if recipe.quantization == "int4":
        names += ["ai-edge-quantizer"]
    return {"edgeae": __version__, **versions(names)}


def control_versions() -> dict[str, str]:
    """Return package → version of the packages that affect an equal-budget control.

    They do not depend on the recipe.

    Raises:
        RuntimeUnavailable: one of the packages is not installed.
    """
    return {"edgeae": __version__, **versions(_TRAINING)}
