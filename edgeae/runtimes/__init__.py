"""Runtimes: engines with their kernels and devices, each in a module and an entry of `RUNTIMES`.

A runtime's name determines its engine, kernels and device (`litert-xnnpack`); there are no further
options for an engine. Importing this package imports no engine; `load` imports one.
"""

import importlib
from typing import NamedTuple

from edgeae.artifacts.model import ORIGINALS
from edgeae.artifacts.verified_artifact import VerifiedArtifact
from edgeae.codegen.emulation import cores
from edgeae.errors import RuntimeUnavailable, unknown
from edgeae.runtimes.protocol import Device, Runtime, Session
from edgeae.system.extras import CORE, remedy

__all__ = [
    "RUNTIMES",
    "USUAL",
    "Device",
    "Entry",
    "Runtime",
    "Session",
    "VerifiedArtifact",
    "formats",
    "load",
]


class Entry(NamedTuple):
    """A runtime in the table.

    Attributes:
        module, attribute: where the runtime is defined.
        formats: formats of the artifacts that it opens.
        remedy: command that installs its package.
        about: description in a few words.
        threaded: whether the number of threads affects it.
        named_only: whether it runs only if the user gives its name, and no pattern: an emulated
            core, which compiles the model in each start and takes no times.
    """

    module: str
    attribute: str
    formats: tuple[str, ...]
    remedy: str
    about: str
    threaded: bool = True
    named_only: bool = False


_HOST = remedy("host")
_ORIGINALS = tuple(ORIGINALS)
_ALL = (*_ORIGINALS, "tflite", "onnx")


def _emulated(attribute: str, apt: str, about: str) -> Entry:
    module = "edgeae.runtimes.c_emulated"
    about = f"generated C99 on an emulated {about}: answers and counts, no times"
    return Entry(module, attribute, ("tflite",), apt, about, threaded=False, named_only=True)


#: All runtimes by name.
RUNTIMES = {
    "tensorflow-cpu": Entry(
        "edgeae.runtimes.tensorflow", "CPU", _ORIGINALS, _HOST, "the original as one tf.function"
    ),
    "tensorflow-gpu": Entry(
        "edgeae.runtimes.tensorflow",
        "GPU",
        _ORIGINALS,
        _HOST,
        "the original on an NVIDIA GPU",
        threaded=False,
    ),
    "litert-xnnpack": Entry(
        "edgeae.runtimes.litert", "XNNPACK", ("tflite",), CORE, "TFLite with its default delegate"
    ),
    "litert-builtin": Entry(
        "edgeae.runtimes.litert", "BUILTIN", ("tflite",), CORE, "TFLite's optimized kernels"
    ),
    "litert-reference": Entry(
        "edgeae.runtimes.litert", "REFERENCE", ("tflite",), CORE, "TFLite's reference kernels"
    ),
    "litert-gpu": Entry(
        "edgeae.runtimes.litert_gpu",
        "GPU",
        ("tflite",),
        CORE,
        "TFLite on a GPU, over Vulkan",
        threaded=False,
    ),
    "onnxruntime-cpu": Entry(
        "edgeae.runtimes.onnxruntime", "CPU", ("onnx",), CORE, "ONNX Runtime on the CPU"
    ),
    "onnxruntime-cuda": Entry(
        "edgeae.runtimes.onnxruntime",
        "CUDA",
        ("onnx",),
        "pip install onnxruntime-gpu",
        "ONNX Runtime on an NVIDIA GPU",
        threaded=False,
    ),
    "c-host": Entry(
        "edgeae.runtimes.c_host",
        "HOST",
        ("tflite",),
        remedy("c"),
        "generated C99, compiled for this machine",
        threaded=False,
    ),
    "c-cortex-m0": _emulated("CORTEX_M0", cores.ARM_APT, "Cortex-M0"),
    "c-cortex-m4": _emulated("CORTEX_M4", cores.ARM_APT, "Cortex-M4"),
    "c-cortex-m33": _emulated("CORTEX_M33", cores.ARM_APT, "Cortex-M33"),
    "c-cortex-m55": _emulated("CORTEX_M55", cores.ARM_APT, "Cortex-M55"),
    "c-rv32": _emulated("RV32", cores.RISCV_APT, "RV32IMAC"),
    "null": Entry(
        "edgeae.runtimes.null",
        "NULL",
        _ALL,
        "",
        "no arithmetic: the harness's own overhead",
        threaded=False,
    ),
}

#: Format → the runtime that is used if the user names none.
USUAL = {"tflite": "litert-xnnpack", "onnx": "onnxruntime-cpu"}


def formats(name: str) -> tuple[str, ...]:
    """Return the formats that a runtime opens, without importing it.

    Raises:
        BadInput: there is no runtime of that name.
    """
    if name not in RUNTIMES:
        raise unknown("runtime", name, RUNTIMES)
    return RUNTIMES[name].formats


def load(name: str) -> Runtime:
    """Return a runtime; its module is imported.

    Raises:
        BadInput: there is no runtime of that name.
        RuntimeUnavailable: its package is not installed.
    """
    if name not in RUNTIMES:
        raise unknown("runtime", name, RUNTIMES)
    entry = RUNTIMES[name]
    try:
        module = importlib.import_module(entry.module)
    except ImportError as error:
        raise RuntimeUnavailable(f"{error}", entry.remedy) from None
    runtime: Runtime = getattr(module, entry.attribute)
    return runtime
