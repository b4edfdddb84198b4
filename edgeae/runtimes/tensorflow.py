"""The runtimes of TensorFlow: the original as one tf.function, on the CPU or an NVIDIA GPU."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from edgeae.artifacts.manifest import Artifact
from edgeae.artifacts.model import ORIGINALS, open_model
from edgeae.artifacts.verified_artifact import VerifiedArtifact
from edgeae.errors import RuntimeUnavailable
from edgeae.originals.legacy_keras import tf
from edgeae.originals.original import open_original
from edgeae.runtimes.protocol import Device
from edgeae.system.machine import cpu_name


class _Session:
    note = ""

    def __init__(self, function: Any, place: str, holder: Any) -> None:
        self._holder = holder  # keeps the variables of the function alive
        self._function = function
        self.run = _call(function, place)

    def close(self) -> None:
        del self.run, self._function, self._holder


def _call(function: Any, place: str) -> Callable[[NDArray[Any]], NDArray[Any]]:
    constant, device = tf.constant, tf.device

    # .numpy() waits for the device: a GPU call returns before its work is done
    def run(x: NDArray[Any], /) -> NDArray[Any]:
        return function(constant(x)).numpy()  # type: ignore[no-any-return]

    def run_there(x: NDArray[Any], /) -> NDArray[Any]:
        with device(place):
            return function(constant(x)).numpy()  # type: ignore[no-any-return]

    # entering a device takes microseconds, and is not needed if there is only one
    return run if len(tf.config.list_logical_devices()) == 1 else run_there


@dataclass(frozen=True)
class _TensorFlow:
    kind: str
    formats: tuple[str, ...] = tuple(ORIGINALS)
    answers: bool = True

    def version(self) -> str:
        if not tf.config.list_physical_devices(self.kind):
            raise RuntimeUnavailable(
                "TensorFlow sees no GPU",
                "pip install 'tensorflow[and-cuda]', on a machine with an NVIDIA GPU",
            )
        return str(tf.__version__)

    def device(self) -> Device:
        if self.kind == "CPU":
            return Device(cpu_name())
        details = tf.config.experimental.get_device_details(
            tf.config.list_physical_devices("GPU")[0]
        )
        return Device(str(details.get("device_name", "GPU")))

    def open(self, program: VerifiedArtifact, threads: int, batch: int = 1) -> _Session:
        training = open_model(program.path.parent)
        _use_threads(threads)
        with tf.device(f"/{self.kind}:0"):
            original = open_original(program.path.parent, training)
            answer = original.parts[program.artifact.part]
            return self._session(program.artifact.input.values, answer, original)

    def open_fixed(self, artifact: Artifact, threads: int, batch: int = 1) -> _Session:
        wide, narrow = math.prod(artifact.output.values), math.prod(artifact.input.values)

        def resized(flat: Any) -> Any:
            return flat[:, :wide] if narrow > wide else tf.pad(flat, [[0, 0], [0, wide - narrow]])

        _use_threads(threads)
        with tf.device(f"/{self.kind}:0"):
            return self._session((narrow,), resized)

    def _session(self, values: tuple[int, ...], answer: Any, holder: Any = None) -> _Session:
        shape = tf.TensorSpec((None, *values), tf.float32)
        function = tf.function(answer, input_signature=[shape])
        function.get_concrete_function()
        return _Session(function, f"/{self.kind}:0", holder)


def _use_threads(threads: int) -> None:
    # TensorFlow rejects a change after it has started; a process uses one number of threads
    if tf.config.threading.get_intra_op_parallelism_threads() != threads:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(1)


CPU = _TensorFlow("CPU")
GPU = _TensorFlow("GPU")
