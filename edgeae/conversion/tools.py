"""Which packages made a bundle.

No TensorFlow here: the question whether a bundle is current must be cheap.
"""

from edgeae import __version__
from edgeae.host_packages import versions
from edgeae.recipe import Recipe

__all__ = ["tool_versions"]

_ALWAYS = ("ai-edge-litert", "numpy", "tensorflow", "tf-keras")


def tool_versions(recipe: Recipe) -> dict[str, str]:
    """Return package → version of whatever shapes the artifacts of a recipe.

    Raises:
        RuntimeUnavailable: one of them is not installed.
    """
    names = [*_ALWAYS]
    if "onnx" in recipe.formats:
        names += ["onnx", "tf2onnx"]
        if recipe.quantization == "float16" or recipe.onnx == "fast":
            names += ["onnxruntime"]
    if recipe.prune is not None:
        names += ["tensorflow-model-optimization"]
    if recipe.quantization == "int4":
        names += ["ai-edge-quantizer"]
    return {"edgeae": __version__, **versions(names)}
