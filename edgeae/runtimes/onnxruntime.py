"""The runtimes of ONNX Runtime on the CPU and on an NVIDIA GPU."""

import importlib.metadata
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import onnxruntime as ort
from numpy.typing import NDArray

from edgeae.artifacts.manifest import Artifact
from edgeae.artifacts.verified_artifact import VerifiedArtifact
from edgeae.errors import BadInput, NotMeasured, RuntimeUnavailable
from edgeae.runtimes.protocol import Device
from edgeae.system.machine import cpu_flags, cpu_name

_ERRORS_ONLY = 3
#: Folder in which onnxruntime looks for weights in other files. The default is the current folder,
#: whose files no hash covers; a device file has no files below it.
_WEIGHTS_FOLDER = ("session.model_external_initializers_file_folder_path", "/dev/null")


#: Computes what stands between DequantizeLinear and QuantizeLinear in float32.
_FLOAT_BETWEEN = ("session.disable_quant_qdq", "1")
_NOTE = "int8 in float32: onnxruntime's int8 kernels saturate on a CPU without VNNI"


class _Session:
    def __init__(self, session: Any, note: str = "") -> None:
        self._session, self.note = session, note
        self.run = _call(session)

    def close(self) -> None:
        del self.run, self._session


def _call(session: Any) -> Callable[[NDArray[Any]], NDArray[Any]]:
    answer, source = _unchecked_run(session), session.get_inputs()[0].name
    targets = [session.get_outputs()[0].name]

    def run(x: NDArray[Any], /) -> NDArray[Any]:
        return answer(targets, {source: x}, None)[0]  # type: ignore[no-any-return]

    return run


def _unchecked_run(session: Any) -> Callable[..., Any]:
    """Return the engine's own `run`, without the Python code of the wheel around it.

    `InferenceSession.run` checks the names of the inputs, which takes 8 % of a call of 8 µs; a
    session always uses the right names. If a provider fails, it also continues with another one,
    and the latency would be that of the other provider.
    """
    wrapped = getattr(session, "_sess", None)  # private: may be removed
    return getattr(wrapped, "run", None) or session.run  # type: ignore[no-any-return]


@dataclass(frozen=True)
class _OnnxRuntime:
    provider: str
    formats: tuple[str, ...] = ("onnx",)
    answers: bool = True

    def version(self) -> str:
        if self.provider not in ort.get_available_providers():
            raise RuntimeUnavailable(
                f"onnxruntime {ort.__version__} here has no {self.provider}",
                "pip install onnxruntime-gpu, on a machine with an NVIDIA GPU",
            )
        name = "onnxruntime-gpu" if self.provider.startswith("CUDA") else "onnxruntime"
        try:
            return importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            return str(ort.__version__)

    def device(self) -> Device:
        cpu = self.provider.startswith("CPU")
        return Device(cpu_name() if cpu else "NVIDIA GPU (CUDA device 0)")

    def open(self, program: VerifiedArtifact, threads: int, batch: int = 1) -> _Session:
        return self._session(program.content, str(program.path), threads, batch)

    def open_fixed(self, artifact: Artifact, threads: int, batch: int = 1) -> _Session:
        from edgeae.formats import passthrough  # not at the top: it loads another engine's schema

        content = passthrough.onnx(artifact.input, artifact.output, batch)
        return self._session(content, "passthrough model", threads, batch)

    def _session(self, content: bytes, origin: str, threads: int, batch: int) -> _Session:
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = _ERRORS_ONLY
        options.add_session_config_entry(*_WEIGHTS_FOLDER)
        note = _NOTE if self._saturates(content) else ""
        if note:
            options.add_session_config_entry(*_FLOAT_BETWEEN)
        try:
            session = ort.InferenceSession(content, options, providers=[self.provider])
        except Exception as error:  # its exception classes are not part of its interface
            reason = " ".join(str(error).split())[:300]
            raise BadInput(f"{origin}: refused by onnxruntime: {reason}") from None
        if session.get_providers()[0] != self.provider:
            # onnxruntime falls back to the CPU when CUDA's libraries do not load
            raise RuntimeUnavailable(
                f"onnxruntime could not use {self.provider}", "install its CUDA and cuDNN libraries"
            )
        if not (session.get_inputs() and session.get_outputs()):
            raise BadInput(f"{origin}: lacks an input or an output")
        built_in = next(iter(session.get_inputs()[0].shape), None)
        if isinstance(built_in, int) and built_in != batch:
            raise NotMeasured(f"{origin}: has a fixed batch of {built_in}; {batch} was asked for")
        return _Session(session, note)

    def _saturates(self, content: bytes) -> bool:
        """Return whether int8 kernels would give wrong answers for this model on this CPU.

        Without VNNI, x86 adds pairs of products of 8 bits in 16 bits, with saturation. Weights of
        the whole range of int8 reach it: 28 % of the outputs of `deep` under `int8` were off by
        more than 1 LSB on digits, by up to 70. onnxruntime documents it for its tools of
        quantization; its option `session.x64quantprecision` does not load models with shared
        zero points (measured, 1.32.0).
        """
        cpu = self.provider.startswith("CPU")
        return cpu and b"DequantizeLinear" in content and saturates_int8(cpu_flags())


def saturates_int8(flags: frozenset[str]) -> bool:
    """Return whether a CPU with these flags sums products of int8 in 16 bits: x86 without VNNI."""
    return "sse2" in flags and not flags & {"avx512_vnni", "avx_vnni"}


CPU = _OnnxRuntime("CPUExecutionProvider")
CUDA = _OnnxRuntime("CUDAExecutionProvider")
