"""What test_onnx_forms.py looks at and onnx_child.py makes: models, and recipes for them."""

from edgeae.recipe import Recipe

#: Epochs, family and settings.
MODELS = {"dense": (12, "deep", {"hidden": (24,)}), "conv": (1, "conv", {"hidden": (4, 8)})}
ONNX = {"formats": ("tflite", "onnx")}
RECIPES = (
    Recipe("float32", **ONNX),
    Recipe("float16", quantization="float16", **ONNX),
    Recipe("int8-fast", quantization="int8", io="int8", onnx="fast", **ONNX),
)
QDQ = Recipe("int8", quantization="int8", io="int8", **ONNX)
