"""Which packages made a bundle, or a control.

No TensorFlow here: the question whether a bundle is current must be cheap.
"""

from edgeae import __version__
from edgeae.recipe import Recipe
from edgeae.system.extras import versions

#: What trains.
_TRAINING = ("numpy", "tensorflow", "tf-keras")
#: What converts, writes a `.tflite` and answers for it, under any recipe.
_ALWAYS = (*_TRAINING, "ai-edge-litert", "flatbuffers")


def tool_versions(recipe: Recipe) -> dict[str, str]:
    """Return package → version of whatever shapes the artifacts of a recipe.

    Raises:
        RuntimeUnavailable: one of them is not installed.
    """
    names = [*_ALWAYS]
    if "onnx" in recipe.formats:
        names += ["onnx", "protobuf", "tf2onnx"]
        if recipe.quantization == "float16" or recipe.onnx == "fast":
            names += ["onnxruntime"]
    if recipe.cluster is not None:
        names += ["scikit-learn"]
    if recipe.quantization == "int4":
        names += ["ai-edge-quantizer"]
    return {"edgeae": __version__, **versions(names)}


def control_versions() -> dict[str, str]:
    """Return package → version of whatever shapes an equal-budget control: one for all recipes.

    Raises:
        RuntimeUnavailable: one of them is not installed.
    """
    return {"edgeae": __version__, **versions(_TRAINING)}
