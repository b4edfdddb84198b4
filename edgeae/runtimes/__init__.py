"""Runtimes: engines with their kernels and devices, each in a module and an entry of `RUNTIMES`.

A runtime's name determines its engine, kernels and device (`litert-xnnpack`); there are no further
options for an engine. Importing this package imports no engine; `load` imports one.
"""

import importlib
from typing import Any, NamedTuple

from edgeae.artifacts.model import ORIGINALS
from edgeae.artifacts.verified_artifact import VerifiedArtifact
from edgeae.codegen.emulation import cores
from edgeae.errors import RuntimeUnavailable, unknown
from edgeae.runtimes.protocol import Device, Runtime, Session
from edgeae.runtimes.serial_line import Line
from edgeae.system.extras import CORE, remedy

__all__ = [
    "RUNTIMES",
    "USUAL",
    "Device",
    "Entry",
    "Line",
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
            core, which compiles the model in each start and takes no times, or a board.
        on_line: whether it is a board on a serial line, which the user names.
    """

    module: str
    attribute: str
    formats: tuple[str, ...]
    remedy: str
    about: str
    threaded: bool = True
    named_only: bool = False
    on_line: bool = False


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
    "c-serial": Entry(
        "edgeae.runtimes.c_serial",
        "SERIAL",
        ("tflite",),
        remedy("board"),
        "generated C99 on a board behind a serial line (`--port`): answers, and the board's cycles",
        threaded=False,
        named_only=True,
        on_line=True,
    ),
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


def load(name: str, line: Line | None = None) -> Runtime:
    """Return a runtime; its module is imported.

    Args:
        name: its name.
        line: where its board is, for a runtime that is one.

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
    runtime: Any = getattr(module, entry.attribute)
    found: Runtime = runtime if line is None else runtime.on(line)
    return found
