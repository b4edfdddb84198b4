"""The original Keras model as one tf.function, on the CPU or on an NVIDIA GPU."""

from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from edgeae.errors import RuntimeUnavailable
from edgeae.keras_parts import load_parts
from edgeae.legacy_keras import tf
from edgeae.machine import cpu_name
from edgeae.model import open_model
from edgeae.program import Program

__all__ = ["CPU", "GPU"]


class _Session:
    note = ""

    def __init__(self, function: Any, place: str) -> None:
        self._function = function
        self._place = place

    def run(self, x: NDArray[Any]) -> NDArray[Any]:
        with tf.device(self._place):
            # .numpy() waits for the device: a GPU call returns before its work is done
            output: NDArray[Any] = self._function(tf.constant(x)).numpy()
        return output

    def close(self) -> None:
        del self._function


@dataclass(frozen=True)
class _TensorFlow:
    kind: str
    formats: tuple[str, ...] = ("keras",)
    answers: bool = True

    def version(self) -> str:
        if not tf.config.list_physical_devices(self.kind):
            raise RuntimeUnavailable(
                "TensorFlow sees no GPU",
                "pip install 'tensorflow[and-cuda]', on a machine with an NVIDIA GPU",
            )
        return str(tf.__version__)

    def device(self) -> str:
        if self.kind == "CPU":
            return cpu_name()
        details = tf.config.experimental.get_device_details(
            tf.config.list_physical_devices("GPU")[0]
        )
        return str(details.get("device_name", "GPU"))

    def open(self, program: Program, threads: int) -> _Session:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(1)
        training = open_model(program.path.parent)
        with tf.device(f"/{self.kind}:0"):
            part = load_parts(program.path, training.code_layer)[program.artifact.part]
            shape = (None, *program.artifact.input.values)
            function = tf.function(
                lambda x: part(x, training=False),
                input_signature=[tf.TensorSpec(shape, tf.float32)],
            )
            function.get_concrete_function()
        return _Session(function, f"/{self.kind}:0")


CPU = _TensorFlow("CPU")
GPU = _TensorFlow("GPU")
