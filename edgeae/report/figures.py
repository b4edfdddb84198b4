"""Figures as people read them; the page and the Markdown print the same."""

from collections.abc import Iterable

from edgeae.summary.exports import Export, worst
from edgeae.text.amounts import duration, plain_exponent
from edgeae.verify.rows import Row

#: Verdict → a mark for it; a word always stands beside the mark.
MARKS = {"pass": "✓", "fail": "✗", "crashed": "✗", "missing": "○", "unavailable": "–"}
#: What a reader must know to compare models.
YARDSTICKS = (
    "MSE, PSNR and SSIM are of the reconstructed test images. PCA is the best linear autoencoder "
    "with a code of the same size; mean image is what reconstructs without looking. Shuffled is "
    "the model’s MSE on test images whose pixels were all moved about in the same way: low only "
    "for one that copies."
)
#: What a reader must know of a probe.
PROBE = (
    "Accuracy on the test labels of a linear probe and of the 5 nearest neighbours, told from the "
    "model’s code, from PCA’s of the same size and from the pixels themselves. As an anomaly "
    "detector, a second training never saw one label: AUC is how often an image of it is "
    "reconstructed worse than another image; 0.5 is chance."
)
#: What a reader must know to read a latency.
METHOD = (
    "Percentiles are over blocks of calls lasting about 0.3 ms each, divided by the calls in a "
    "block. Fixed is what such a call costs before any arithmetic: one operator between the same "
    "edges, timed in the same process. It is part of p50, and so is the harness’s own overhead, "
    "the row of the runtime null; neither is ever subtracted."
)
#: What a reader must know to read a cold start.
COLD = (
    "From the start of the process to its first answer, and of that: importing the engine, opening "
    "the artifact, the first call; with the peak of the process’s memory until then."
)
#: What a reader must know of the ladder.
LADDER = (
    "Loss is the MSE of the whole autoencoder on the test images. An export is judged against its "
    "yardstick: the equal-budget control, which is the float32 original trained for as many more "
    "steps as the recipe fine-tuned, or else the original. The p99 ratio is that of the worst "
    "percent of images. Packed is an estimate of the flash that the graph takes when each weight "
    "tensor is stored in its smallest form, without code; smaller compares it with the float32 "
    "export’s."
)
#: What a reader must know of losses by label.
LABELS = (
    "MSE of the images of each label, relative to the yardstick’s on the same images; ▲ is the "
    "label that suffers most."
)
#: What a reader must know of bytes by cause.
CAUSES = (
    "The causes of a file’s bytes add up to all of them: quantization is scales and zero points, "
    "graph is everything that is not trained. Packed stores each weight tensor dense, by codebook, "
    "sparse or both, whichever is least; `edgeae inspect` tells which. ONNX files are not packed."
)
#: What a reader must know of a Pareto front.
FRONTS = (
    "Left is smaller or faster, down is closer to the yardstick. No export is better in one and no "
    "worse in the other than those that the line joins. The knee is the one farthest below the "
    "chord between the line’s ends, both scales logarithmic (Kneedle: Satopää et al. 2011)."
)
#: Why some figures stand apart.
SOFTWARE = (
    "Devices emulated on the processor: good for correctness, not for latency. They are in no plot."
)


def loss(value: float | None) -> str:
    """MSE with six decimals: `0.006450`."""
    return "" if value is None else f"{value:.6f}"


def added(value: float | None) -> str:
    """A difference of losses, two significant digits: `+1.4e-4`."""
    if value is None:
        return ""
    return plain_exponent(f"{value:+.1e}").replace("-", "−", 1 if value < 0 else 0)


def ratio(value: float | None) -> str:
    """A ratio of losses, to a tenth of a per mille: `1.0224`."""
    return "" if value is None else f"{value:.4f}"


def times(value: float | None) -> str:
    """How many times smaller: `3.46×`."""
    return "" if value is None else f"{value:.2f}×"


def decibels(value: float | None) -> str:
    """A ratio in dB: `21.6 dB`."""
    return "" if value is None else f"{value:.1f}\xa0dB"


def digits(value: float | None) -> str:
    """A share or similarity with four decimals: `0.9123`."""
    return "" if value is None else f"{value:.4f}"


def seconds(value: float) -> str:
    """How long a training took: `48 s`, `5 min 10 s`."""
    whole = round(value)
    return f"{whole}\xa0s" if whole < 60 else f"{whole // 60}\xa0min {whole % 60}\xa0s"


def count(value: int | None) -> str:
    """A whole number with thousands separators."""
    return "" if value is None else f"{value:,}"


def size(value: int) -> str:
    """Bytes for an axis: `50 kB`, `1 MB`; k is 1,000."""
    for unit, name in ((1_000_000, "MB"), (1_000, "kB")):
        if value >= unit:
            return f"{value / unit:g} {name}"
    return f"{value:g} B"


def share(value: float | None) -> str:
    """A share as a percentage with two significant digits: `0.013 %`; nothing is `0 %`."""
    if value is None:
        return ""
    percent = value * 100
    if 0 < percent < 1e-4:
        return "< 0.0001 %"
    return f"{percent:.2g} %" if percent < 10 else f"{percent:.0f} %"


def span(nanoseconds: float | None) -> str:
    """A duration of three significant digits, or nothing."""
    return "" if nanoseconds is None else duration(nanoseconds)


def interval(value: float | None) -> str:
    """Half an interval as a share of what it is about: `0.4 %`; `–` where there is none."""
    return "–" if value is None else f"{value:.1%}".replace("%", "\xa0%")


def difference(rows: Iterable[Row]) -> str:
    """The worst differences among rows: `2 LSB (0.013 % over 1)`, `3.4e-7`; or nothing."""
    found = worst(rows)
    told = []
    if found.lsb is not None:
        over = f" ({share(found.share_over_1lsb)} over 1)" if found.lsb > 1 else ""
        told.append(f"{found.lsb} LSB{over}")
    if found.real is not None:
        told.append(real(found.real))
    return ", ".join(told)


def real(value: float | None) -> str:
    """A difference in real units, two significant digits: `0.23`, `3.4e-7`."""
    if value is None:
        return ""
    if value == 0 or value >= 1e-3:
        return f"{value:.2g}"
    return plain_exponent(f"{value:.1e}")


def outcome(export: Export) -> str:
    """An export's verdict with its largest difference: `pass, 2 LSB`, `pass, 3.4e-7`."""
    if export.verdict == "missing":
        return "not verified"
    found = worst(export.rows)
    steps = [f"{found.lsb} LSB"] if found.lsb is not None else []
    reals = [real(found.real)] if found.real is not None else []
    return ", ".join([export.verdict, *steps, *reals])


def stale(rows_n: int) -> str:
    """Say that rows were left out."""
    rows = "1 row is" if rows_n == 1 else f"{rows_n:,} rows are"
    return f"{rows} left out: the artifact that was timed is no longer the one on disk."
