"""`edgeae.Bundle`: a bundle that encodes, decodes, reconstructs and scores in this process."""

import contextlib
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from edgeae.api.session import OpenSession, Setting, form_of, open_session, usual_runtime
from edgeae.api.telling import ProgressTo
from edgeae.api.values import Values, prepared_codes, raw_codes
from edgeae.artifacts.bundle import Bundle as Files
from edgeae.artifacts.bundle import holding
from edgeae.artifacts.manifest import Manifest
from edgeae.errors import BadInput, NotMeasured
from edgeae.metrics.loss import image_losses
from edgeae.runtimes.inference import real

if TYPE_CHECKING:
    from edgeae.api.results import Judgement, Timings, Verification

_WHOLE, _HALVES = "autoencoder", ("encoder", "decoder")


class Bundle:
    """A bundle on disk, opened by `edgeae.open`; its models run in this process.

    A bundle keeps the version that it opened: its files stay as they are until it is closed, also
    if a newer export replaces them. It is a context manager, and `close` frees it.

    The first call of a part in a runtime opens a session, which later calls use again. Threads may
    share a bundle; calls of the same part, runtime, batch and number of threads wait for each
    other. Other processes, also those that `fork` makes, open the bundle again.

    Images are (n, …), in any shape with the right number of values:

    * Of a model of pixels, **uint8** are pixels as they are stored, from 0 to 255; the manifest's
      normalization is applied to them. **Floats** are real values as the model was trained on,
      after that normalization: 0 to 1 for MNIST.
    * Of standardised columns (`edgeae train --standardize`), integers and floats are the columns'
      **own values**, in the order of `columns`; of a data frame they are taken by name.
    * Of any other model, floats are real values as the model was trained on.

    Codes are (n, …): floats are real codes, integers of the code's own element type are raw codes.

    Arguments that several methods share:

    * `runtime`: name of a runtime, as `edgeae doctor` lists them; None for `litert-xnnpack`, or
      `onnxruntime-cpu` if the bundle holds no `.tflite` file.
    * `batch`: the most examples of one call of the engine; None for as many as the artifact was
      exported for, which is one for `.tflite` files. A file with a batch of one built in, such as
      the `.onnx` of int8 and the `.tflite` of transposed convolutions, takes one whatever it is.
    * `threads`: number of threads of the engine.

    Errors are those of `edgeae.errors`: `BadInput` for an argument that is not allowed,
    `ManifestMismatch` if a file is not the one that was exported, `RuntimeUnavailable` with the
    remedy if an engine is not installed. A file that crashes its engine ends this process;
    `verify` and the commands run engines in child processes.
    """

    def __init__(self, path: Path) -> None:
        self._held = contextlib.ExitStack()
        self._files: Files = self._held.enter_context(holding(path))
        self._values = Values.of(self.manifest)
        self._sessions: dict[Setting, OpenSession] = {}
        self._opening = threading.Lock()
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Free all models, and the bundle's files; calling it again does nothing."""
        with self._opening:
            self._closed = True
            for opened in self._sessions.values():
                opened.close()
            self._sessions.clear()
            self._held.close()

    # --- what it is ---

    @property
    def name(self) -> str:
        """`model/recipe`, such as `deep/int8`."""
        return self._files.name

    @property
    def path(self) -> Path:
        """The folder, as it was opened."""
        return self._files.shown

    @property
    def manifest(self) -> Manifest:
        """The bundle's description: artifacts, sizes, loss, code, tools and hashes."""
        return self._files.manifest

    @property
    def parts(self) -> tuple[str, ...]:
        """`encoder`, `decoder` and `autoencoder`, as far as the bundle holds them."""
        return self._files.parts

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns of a row, in order; empty if they have no names."""
        return self._values.columns

    def __repr__(self) -> str:
        return f"<edgeae.Bundle {self.name}: {', '.join(self.parts)}, at {self.path}>"

    def _repr_html_(self) -> str:
        """Return what a notebook shows: figures, and golden images with their reconstructions."""
        from edgeae.api.notebook import html

        return html(self._files)

    # --- what its models do ---

    def encode(
        self,
        images: ArrayLike,
        *,
        dtype: DTypeLike = "float32",
        runtime: str | None = None,
        batch: int | None = None,
        threads: int = 1,
    ) -> NDArray[Any]:
        """Return the codes of images.

        Args:
            images: (n, …); see the class.
            dtype: `float32` for real codes, or the code's own integers, as `int8`, for raw ones.
            runtime, batch, threads: see the class.

        Returns:
            (n, …) codes, in the shape of the model's code.

        Raises:
            BadInput, ManifestMismatch, NotMeasured, RuntimeUnavailable: see the class.
        """
        opened = self._session("encoder", runtime, batch, threads)
        spec = opened.artifact.output
        raw = raw_codes(dtype, spec)
        rows = self._values.checked(images, opened.artifact.input.values)
        codes = np.empty((len(rows), *spec.values), spec.dtype if raw else np.float32)
        for at in _steps(len(rows), opened.step):
            found = opened.run(self._values.prepared(rows[at], opened.artifact))
            codes[at] = found if raw else real(opened.artifact, found)
        return codes

    def decode(
        self,
        codes: ArrayLike,
        *,
        runtime: str | None = None,
        batch: int | None = None,
        threads: int = 1,
    ) -> NDArray[np.float32]:
        """Return the images of codes.

        Args:
            codes: (n, …): floats are real codes; integers of the code's own type are raw codes.
            runtime, batch, threads: see the class.

        Returns:
            (n, …) float32, in the shape of the model's output: real values; of standardised columns
            the columns' own values.

        Raises:
            BadInput, ManifestMismatch, NotMeasured, RuntimeUnavailable: see the class.
        """
        opened = self._session("decoder", runtime, batch, threads)
        inputs = prepared_codes(codes, opened.artifact.input)
        shape = opened.artifact.output.values
        images = np.empty((len(inputs), *shape), np.float32)
        for at in _steps(len(inputs), opened.step):
            found = real(opened.artifact, opened.run(inputs[at]))
            images[at] = self._values.own(found, shape)
        return images

    def reconstruct(
        self,
        images: ArrayLike,
        *,
        runtime: str | None = None,
        batch: int | None = None,
        threads: int = 1,
    ) -> NDArray[np.float32]:
        """Return decoder(encoder(images)).

        Args:
            images: (n, …); see the class.
            runtime, batch, threads: see the class.

        Returns:
            float32, in the shape of `images`: real values, also if the images are uint8; of
            standardised columns the columns' own values.

        Raises:
            BadInput, ManifestMismatch, NotMeasured, RuntimeUnavailable: see the class.
        """
        chain = self._chain(runtime, batch, threads)
        rows = self._values.checked(images, chain[0].artifact.input.values)
        made = np.empty(rows.shape, np.float32)
        for at in _steps(len(rows), chain[0].step):
            made[at] = self._values.own(self._reconstructed(chain, rows[at]), rows.shape[1:])
        return made

    def score(
        self,
        images: ArrayLike,
        *,
        runtime: str | None = None,
        batch: int | None = None,
        threads: int = 1,
    ) -> NDArray[np.float64]:
        """Return the mean squared error of each image's reconstruction: an anomaly score.

        It is the score `mse` of `edgeae detect`, in the model's own units: of pixels those of 0 to
        1, of standardised columns those after standardization. See `threshold`.

        Args:
            images: (n, …); see the class.
            runtime, batch, threads: see the class.

        Returns:
            (n,) float64.

        Raises:
            BadInput, ManifestMismatch, NotMeasured, RuntimeUnavailable: see the class.
        """
        chain = self._chain(runtime, batch, threads)
        shape = chain[0].artifact.input.values
        rows = self._values.checked(images, shape)
        scores = np.empty(len(rows), np.float64)
        for at in _steps(len(rows), chain[0].step):
            made = self._reconstructed(chain, rows[at])
            scores[at] = image_losses(made, self._values.real(rows[at], shape))
        return scores

    def threshold(self, runtime: str | None = None) -> float:
        """Return the threshold that `edgeae detect` chose: a row with a larger score is an alarm.

        Args:
            runtime: see the class.

        Raises:
            NotMeasured: `edgeae detect` was not run, chose another score, or had no such runtime.
            BadInput: its `detect.json` is damaged, or the runtime does not exist.
        """
        from edgeae.detect.result import read_detection

        name = runtime or usual_runtime(self._files)
        form = form_of(self._files, name)
        found = read_detection(self._files)
        sides = found.sides if found is not None and found.score == "mse" else ()
        known = (side.threshold for side in sides if (side.format, side.runtime) == (form, name))
        threshold = next(known, None)
        if threshold is None:
            raise NotMeasured(
                f"{self.path}: no threshold of the score mse on {name}; `edgeae detect` chooses it"
            )
        return threshold

    # --- what the commands do ---

    def verify(
        self,
        *,
        runtimes: Sequence[str] | None = None,
        golden: bool = False,
        data: str | None = None,
        progress: ProgressTo = False,
    ) -> "Verification":
        """Verify each artifact in each runtime, as `edgeae verify`; write `verify.json`.

        Args:
            runtimes: only these runtimes; None for all.
            golden: compare with the golden vectors, which needs neither dataset nor TensorFlow.
            data: the dataset; None for that of the manifest.
            progress: True prints progress to standard error; a function gets its lines.

        Raises:
            NotMeasured: there is no reference to compare with.
            BadInput, ManifestMismatch: see `edgeae verify`.
        """
        from edgeae.api import judging

        return judging.verify(self._shown_files(), runtimes, golden, data, progress)

    def bench(
        self,
        *,
        runtimes: Sequence[str] = ("*",),
        parts: Sequence[str] = ("*",),
        threads: Sequence[int] = (1,),
        batch: Sequence[int] = (1,),
        seconds: float = 1.5,
        rounds: int = 1,
        seed: int | None = None,
        results: Path | None = None,
        wait_s: float = 600.0,
        progress: ProgressTo = False,
    ) -> "Timings":
        """Time each artifact in each runtime, one worker process each, as `edgeae bench`.

        Args:
            runtimes, parts: names or patterns.
            threads, batch: numbers of threads, and of examples of one call.
            seconds: longest time for which one worker times blocks.
            rounds: fresh processes for each artifact.
            seed: seed of the order; None draws one.
            results: the `.jsonl` file to which rows are appended; None for none.
            wait_s: longest wait for another measurement on this machine, in seconds.
            progress: True prints progress to standard error; a function gets its lines.

        Raises:
            NotMeasured: there is nothing to time.
            Busy: another measurement still runs after `wait_s`.
            BadInput: a name or a number is not allowed.
        """
        from edgeae.api import judging
        from edgeae.timing.suite import Suite

        suite = Suite(
            "bench",
            runtimes=tuple(runtimes),
            parts=tuple(parts),
            threads=tuple(threads),
            batch=tuple(batch),
            seconds=seconds,
            rounds=rounds,
            seed=seed,
        )
        return judging.bench(self._shown_files(), suite, results, wait_s, progress)

    def gate(
        self,
        baseline: "Bundle | Path | str",
        *,
        runtimes: Sequence[str] = (),
        formats: Sequence[str] = (),
        threads: Sequence[int] = (1,),
        batch: Sequence[int] = (1,),
        seed: int | None = None,
        wait_s: float = 600.0,
        progress: ProgressTo = False,
        **budget: Any,
    ) -> "Judgement":
        """Judge this bundle against a baseline, in the same processes, as `edgeae gate`.

        Args:
            baseline: a bundle, its folder, a file, a folder of baselines, or `git:REF`.
            runtimes: names of runtimes; empty for the usual one of each format.
            formats: only artifacts of these formats; empty for all.
            threads, batch: settings that both sides run with; each combination is judged.
            seed: seed of the order; None draws one.
            wait_s: longest wait for another measurement on this machine, in seconds.
            progress: True prints progress to standard error; a function gets its lines.
            **budget: keys of a suite's `[budget]`, such as `max_ratio=1.03`.

        Raises:
            BadInput: a path, a name or a key of the budget is not allowed.
            ManifestMismatch: a file is not the one that its manifest describes.
            Busy: another measurement still runs after `wait_s`.
        """
        from edgeae.api import judging

        against = str(baseline._shown_files().root if isinstance(baseline, Bundle) else baseline)
        return judging.gate(
            self._shown_files(),
            against,
            budget,
            runtimes=tuple(runtimes),
            only=tuple(formats),
            threads=tuple(threads),
            batch=tuple(batch),
            seed=seed,
            wait_s=wait_s,
            progress=progress,
        )

    # --- inside ---

    def _open_files(self) -> Files:
        """Return the files on disk.

        Raises:
            BadInput: the bundle is closed.
        """
        if self._closed:
            raise BadInput(f"{self.path}: the bundle is closed; edgeae.open opens it again")
        return self._files

    def _shown_files(self) -> Files:
        """Return the files by the path that users know, unless a newer export took it over."""
        files = self._open_files()
        return replace(files, root=files.shown) if files.is_current else files

    def _session(
        self, part: str, runtime: str | None, batch: int | None, threads: int
    ) -> OpenSession:
        setting = Setting(part, runtime or usual_runtime(self._files), batch, threads)
        with self._opening:
            if setting not in self._sessions:
                self._sessions[setting] = open_session(self._open_files(), setting)
            return self._sessions[setting]

    def _chain(
        self, runtime: str | None, batch: int | None, threads: int
    ) -> tuple[OpenSession, ...]:
        """Return the sessions whose outputs, one after the other, are reconstructions."""
        parts = (_WHOLE,) if _WHOLE in self.parts else _HALVES
        if not set(parts) <= set(self.parts):
            raise BadInput(
                f"{self.path}: holds only the {', '.join(self.parts)}; a reconstruction takes "
                "encoder and decoder, or the autoencoder"
            )
        return tuple(self._session(part, runtime, batch, threads) for part in parts)

    def _reconstructed(
        self, chain: tuple[OpenSession, ...], rows: NDArray[Any]
    ) -> NDArray[np.float32]:
        """Return real values of the model's own shape and units."""
        values = self._values.prepared(rows, chain[0].artifact)
        for opened in chain:
            values = opened.run(values)
        return real(chain[-1].artifact, values)


def _steps(n: int, step: int) -> Iterator[slice]:
    return (slice(start, start + step) for start in range(0, n, step))
