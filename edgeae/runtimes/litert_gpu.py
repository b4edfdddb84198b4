"""The runtime of LiteRT's compiled model on its GPU accelerator: WebGPU over Vulkan.

A run returns before its work is done; reading the output waits for it. If the device fails to start
once, it never starts again in the same process. Therefore open models only in a child process.
"""

import functools
import importlib.metadata
import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import ai_edge_litert
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.compiled_model import CompiledModel
from ai_edge_litert.hardware_accelerator import HardwareAccelerator
from ai_edge_litert.options import GpuOptions, Options
from numpy.typing import NDArray

from edgeae.artifacts.manifest import Artifact, TensorSpec
from edgeae.artifacts.verified_artifact import VerifiedArtifact
from edgeae.errors import BadInput, NotMeasured, RuntimeUnavailable
from edgeae.formats import passthrough
from edgeae.formats.tflite import graph as tflite
from edgeae.runtimes import vulkan
from edgeae.runtimes.litert import REFERENCE
from edgeae.runtimes.protocol import Device

_REMEDY = (
    "it needs a GPU and its driver; without a GPU, apt-get install chromium and "
    f"{vulkan.DRIVERS}=/usr/lib/chromium/vk_swiftshader_icd.json for a software device"
)


_SMALLEST = TensorSpec("image", (1, 1), "float32")


class _Session:
    def __init__(self, model: Any, content: bytes, note: str) -> None:
        self.note = note
        # kept, because the engine may read the bytes as long as the model exists
        self._model, self._content = model, content
        (self._input,) = model.create_input_buffers(0)
        (self._output,) = model.create_output_buffers(0)
        self._takes = _layout(self._input)
        self._shape = tuple(self._output.get_tensor_details()["shape"])
        self._gives = _layout(self._output)
        self._write, self._read = self._input.write, self._output.read
        self._start = functools.partial(model.run_by_index, 0, [self._input], [self._output])

    def run(self, x: NDArray[Any]) -> NDArray[Any]:
        if (x.size, x.dtype) != self._takes:  # the engine accepts any shorter input
            raise ValueError(f"(values, type) are {(x.size, x.dtype)}, expected {self._takes}")
        self._write(x)
        self._start()
        # waits for the device, and copies the output into a new array
        output: NDArray[Any] = self._read(*self._gives)
        return output.reshape(self._shape)

    def close(self) -> None:
        self._input.destroy()
        self._output.destroy()
        self._model.close()
        del self._write, self._read, self._start, self._input, self._output, self._model


def _layout(buffer: Any) -> tuple[int, np.dtype[Any]]:
    """Return the number of values of a buffer and their element type."""
    details = buffer.get_tensor_details()
    return math.prod(details["shape"]), np.dtype(details["dtype"])


@dataclass(frozen=True)
class _LiteRtGpu:
    formats: tuple[str, ...] = ("tflite",)
    answers: bool = True

    def version(self) -> str:
        self.device()
        return importlib.metadata.version("ai-edge-litert")

    def device(self) -> Device:
        return _devices()[0]

    def open(self, program: VerifiedArtifact, threads: int, batch: int = 1) -> _Session:
        devices = _devices()
        # the interpreter rejects some damaged files on which the compiled model crashes
        REFERENCE.open(program, threads, batch).close()
        model = _compile(program.content, str(program.path))
        try:
            if batch > 1:  # not strict: the artifact's own batch is 1, not free
                shape = [batch, *program.artifact.input.values]
                model.resize_input_tensor(0, shape, strict=False)
            session = _Session(model, program.content, _note(devices))
        except RuntimeError as error:
            raise _refusal(f"{program.path}: with a batch of {batch}", error) from None
        if not model.is_fully_accelerated():
            raise _left_over(str(program.path))
        return session

    def open_fixed(self, artifact: Artifact, threads: int, batch: int = 1) -> _Session:
        devices = _devices()
        content = _fixed(artifact.input, artifact.output, batch)
        return _Session(_compile(content, "passthrough model"), content, _note(devices))


def _devices() -> tuple[Device, ...]:
    """Return the devices, of which LiteRT uses the first.

    Raises:
        RuntimeUnavailable: there is no device, or only a software device that the user did not
            name, or LiteRT might silently use a software device instead of a GPU.
    """
    if not list(Path(ai_edge_litert.__file__).parent.glob("libLiteRt*GpuAccelerator.*")):
        raise RuntimeUnavailable(
            "this ai-edge-litert has no GPU accelerator", "pip install -U ai-edge-litert"
        )
    devices, named = vulkan.devices(), vulkan.named_drivers()
    names = ", ".join(device.name for device in devices)
    if not devices:
        chosen = f" with {vulkan.DRIVERS}={named}" if named else " here"
        raise RuntimeUnavailable(f"Vulkan has no device{chosen}", _REMEDY)
    if not named and all(device.software for device in devices):
        raise RuntimeUnavailable(f"Vulkan has only a software device here ({names})", _REMEDY)
    if len({device.software for device in devices}) > 1:
        raise RuntimeUnavailable(
            f"Vulkan has a GPU and a software device here ({names})",
            f"{vulkan.DRIVERS}=… names the driver of the one to use",
        )
    return devices


def _note(devices: tuple[Device, ...]) -> str:
    others = {device.name for device in devices} - {devices[0].name}
    return f"Vulkan also has {', '.join(sorted(others))}" if others else ""


def _compile(content: bytes, origin: str) -> Any:
    """Return a model that is compiled only for the GPU, so that LiteRT rejects partial delegation.

    Sums are in float32: float16 sums, the default on a GPU that supports float16, exceed the
    tolerance of float models.
    """
    options = Options(HardwareAccelerator.GPU, gpu_options=GpuOptions(enforce_f32=True))
    try:
        return CompiledModel.from_buffer(content, options=options)
    except RuntimeError as error:
        refusal = error
    if "not accelerated" in str(refusal):
        raise _left_over(origin)
    if content != (smallest := _fixed(_SMALLEST, _SMALLEST, 1)):
        _compile(smallest, origin)  # does the device fail for every model?
        raise _refusal(origin, refusal)
    raise RuntimeUnavailable("LiteRT's GPU accelerator does not start on this device", _REMEDY)


def _refusal(origin: str, error: RuntimeError) -> BadInput:
    reason = " ".join(str(error).split())
    return BadInput(f"{origin}: refused by LiteRT's GPU accelerator: {reason}")


def _left_over(origin: str) -> NotMeasured:
    return NotMeasured(
        f"{origin}: LiteRT's GPU accelerator does not take all of its operators; "
        "litert-xnnpack would run them (EDGEAE_DEBUG=1 shows which)"
    )


def _fixed(source: TensorSpec, target: TensorSpec, batch: int) -> bytes:
    """Return the passthrough model, in which CONCATENATION appends zeros instead of PAD.

    The accelerator does not support a PAD of two dimensions.
    """
    content = passthrough.tflite(source, target, batch)
    graph = tflite.read(content, "passthrough model")
    first, *others = graph.operators
    if first.name != "PAD":
        return content
    place = graph.tensors[first.outputs[0]]
    missing = place.shape[1] - graph.tensors[first.inputs[0]].shape[1]
    zeros = np.zeros((batch, missing), place.dtype)
    constant = replace(place, name="edgeae/zeros", shape=zeros.shape, data=zeros)
    settings = schema.OperatorT()
    settings.builtinOptionsType = schema.BuiltinOptions.ConcatenationOptions
    settings.builtinOptions = schema.ConcatenationOptionsT()
    settings.builtinOptions.axis = 1
    inputs = (first.inputs[0], len(graph.tensors))
    appended = tflite.Operator("CONCATENATION", 2, inputs, first.outputs, settings)
    return tflite.write(
        replace(graph, tensors=(*graph.tensors, constant), operators=(appended, *others))
    )


GPU = _LiteRtGpu()
