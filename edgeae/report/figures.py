"""Format figures for readers; the page and the Markdown use the same formats."""

from collections.abc import Iterable

from edgeae.summary.exports import Export, worst
from edgeae.text.amounts import plain_exponent
from edgeae.verify.rows import Row

#: Verdict → its mark; a word always stands beside the mark.
MARKS = {"pass": "✓", "fail": "✗", "crashed": "✗", "missing": "○", "unavailable": "–"}
#: Explains the table of models.
YARDSTICKS = (
    "MSE, PSNR and SSIM compare reconstructed test images with the originals. PCA is the best "
    "linear autoencoder with a code of the same size. Mean image answers every test image with the "
    "mean of the training images. Shuffled MSE is the model’s MSE on test images whose pixels are "
    "all permuted in the same way; it is low only if the model copies its input."
)
#: Explains the table of probes.
PROBE = (
    "Linear probe and 5 nearest neighbours give the accuracy of predicting the test labels from "
    "the model’s code, from PCA’s code of the same size and from the raw pixels. For the anomaly "
    "detector, the model is trained a second time without the images of one label. AUC is how "
    "often an image of the held-out label has a larger reconstruction error than an image of "
    "another label; 0.5 is chance."
)
#: Explains the tables of latencies.
METHOD = (
    "A sample is the duration of a block of calls, about 0.3 ms, divided by the number of calls; "
    "percentiles are over these samples. Fixed is the cost of a call before any arithmetic: a "
    "model of one operator with the same inputs and outputs, timed in the same process. The p50 "
    "includes the fixed cost and the harness’s own overhead, which is the row of the runtime null; "
    "neither is ever subtracted."
)
#: Stands before the latencies of several machines.
MACHINES = (
    "These are times of several machines, each by its number: compare only times of one machine."
)
#: Explains the table of cold starts.
COLD = (
    "Start to answer lasts from the start of the process to its first answer. Import, load and "
    "first are parts of it: importing the engine, opening the artifact, the first call. Peak RSS "
    "is the process’s peak memory up to its first answer."
)
#: Explains the table of loss and size.
LADDER = (
    "Loss is the MSE of the whole autoencoder on the test images. The loss of an export is "
    "compared with its reference: the equal-budget control, which is the float32 original trained "
    "for as many more steps as the recipe fine-tuned, or the original if the recipe does not "
    "fine-tune. The p99 ratio is the same ratio for the worst percent of images. Packed is the "
    "flash that the constants of its C take under `--optimize size`, each weight tensor in its "
    "smallest form; it is an estimate of what C does not take. Smaller is the packed size of the "
    "float32 export divided by this one."
)
#: Explains the table of losses by label.
LABELS = (
    "MSE of the images of each label, divided by the reference’s MSE on the same images; ▲ marks "
    "the label with the largest figure of its row."
)
#: Explains the table of errors by column.
COLUMNS = (
    "Root mean squared error of each column on the test rows, in the column’s own unit: of "
    "answering with the column’s mean, of the original, and of each export."
)
#: Explains the table of bytes by cause.
CAUSES = (
    "The causes add up to the file’s bytes: quantization is scales and zero points, graph is "
    "everything that is not trained. Packed stores each weight tensor dense, by codebook, sparse, "
    "by gaps between the nonzero weights, or by one of the two with a codebook, whichever is "
    "smallest; `edgeae inspect` reports the choice for "
    "each tensor. ONNX files are not packed."
)
#: Explains the plots of Pareto fronts.
FRONTS = (
    "An export farther left is smaller or faster; an export farther down has a loss closer to the "
    "reference. The line joins the exports that no other export dominates: none is better in one "
    "figure and at least as good in the other. The knee is the export farthest below the chord "
    "between the line’s ends, on logarithmic scales (Kneedle: Satopää et al. 2011)."
)
#: Explains why software devices have a table of their own.
SOFTWARE = (
    "These devices are emulated on the processor. They check correctness; their latencies do not "
    "describe any hardware, so no plot contains them."
)

#: Explains the table of microcontrollers.
CORES = (
    "The generated C on emulated cores. Instructions are exact, those of one inference, the mean "
    "over the inputs; they are no cycles. Flash is code and constants; RAM is arena, data and "
    "stack, in bytes, beside the caller’s input and output."
)
#: Explains the table of boards.
BOARDS = (
    "The generated C on boards. Each board counts its calls by its own counter, without the serial "
    "line: the ticks are those of one call, the median of the counts, and the range is from the "
    "least to the most. The time follows from the clock that the board’s firmware states; an "
    "emulator’s ticks are neither cycles nor a time. No latency, ratio or Pareto front contains a "
    "board."
)

#: Explains the tables of detectors.
DETECTION = (
    "A row is an alarm if its score, the squared error of its reconstruction, is above the "
    "threshold. Normal rows that trained nothing set the threshold for the false-alarm rate that "
    "was asked for; each side has its own. Flips are rows that are alarms only of the export (+) "
    "or only of the original (−), each with its own threshold; at original’s: both with the "
    "original’s. Brackets are 95 % confidence intervals: exact ones "
    "(Clopper and Pearson) of shares, Newcombe’s fifth method for the AUC."
)


def loss(value: float | None) -> str:
    """Format an MSE with six decimals: `0.006450`."""
    return "" if value is None else f"{value:.6f}"


def added(value: float | None) -> str:
    """Format a difference of losses with two significant digits: `+1.4e-4`."""
    if value is None:
        return ""
    return plain_exponent(f"{value:+.1e}").replace("-", "−", 1 if value < 0 else 0)


def ratio(value: float | None) -> str:
    """Format a ratio of losses with four decimals: `1.0224`."""
    return "" if value is None else f"{value:.4f}"


def times(value: float | None) -> str:
    """Format a factor: `3.46×`."""
    return "" if value is None else f"{value:.2f}×"


def decibels(value: float | None) -> str:
    """Format a ratio in dB: `21.6 dB`."""
    return "" if value is None else f"{value:.1f}\xa0dB"


def digits(value: float | None) -> str:
    """Format a share or a similarity with four decimals: `0.9123`."""
    return "" if value is None else f"{value:.4f}"


def seconds(value: float) -> str:
    """Format the duration of a training: `48 s`, `5 min 10 s`."""
    whole = round(value)
    return f"{whole}\xa0s" if whole < 60 else f"{whole // 60}\xa0min {whole % 60}\xa0s"


def count(value: int | None) -> str:
    """Format a whole number with thousands separators."""
    return "" if value is None else f"{value:,}"


def size(value: int) -> str:
    """Format bytes for an axis: `50 kB`, `1 MB`; k is 1,000."""
    for unit, name in ((1_000_000, "MB"), (1_000, "kB")):
        if value >= unit:
            return f"{value / unit:g} {name}"
    return f"{value:g} B"


def share(value: float | None) -> str:
    """Format a share as a percentage with two significant digits: `0.013 %`; 0 is `0 %`."""
    if value is None:
        return ""
    percent = value * 100
    if 0 < percent < 1e-4:
        return "< 0.0001 %"
    return f"{percent:.2g} %" if percent < 10 else f"{percent:.0f} %"


def interval(value: float | None) -> str:
    """Format a half-width, relative to its estimate, as a percentage: `0.4 %`; None is `–`."""
    return "–" if value is None else f"{value:.1%}".replace("%", "\xa0%")


def difference(rows: Iterable[Row]) -> str:
    """Format the largest differences: `2 LSB (0.013 % over 1)`, `3.4e-7`; empty if none."""
    largest = worst(rows)
    texts = []
    if largest.lsb is not None:
        over = f" ({share(largest.share_over_1lsb)} over 1)" if largest.lsb > 1 else ""
        texts.append(f"{largest.lsb} LSB{over}")
    if largest.real is not None:
        texts.append(real(largest.real))
    return ", ".join(texts)


def real(value: float | None) -> str:
    """Format a difference in real units with two significant digits: `0.23`, `3.4e-7`."""
    if value is None:
        return ""
    if value == 0 or value >= 1e-3:
        return f"{value:.2g}"
    return plain_exponent(f"{value:.1e}")


def outcome(export: Export) -> str:
    """Format an export's verdict with its largest differences: `pass, 2 LSB`, `pass, 3.4e-7`."""
    if export.verdict == "missing":
        return "not verified"
    largest = worst(export.rows)
    steps = [f"{largest.lsb} LSB"] if largest.lsb is not None else []
    reals = [real(largest.real)] if largest.real is not None else []
    return ", ".join([export.verdict, *steps, *reals])


def stale(rows_n: int) -> str:
    """Return a sentence that reports how many rows were left out, and why."""
    rows = "1 row is" if rows_n == 1 else f"{rows_n:,} rows are"
    return f"{rows} left out: the artifact that was timed is no longer the one on disk."
