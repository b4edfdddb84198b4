"""Render the trained models as Markdown: figures beside PCA, loss by code size, probes."""

from edgeae.report import figures
from edgeae.summary.gather import Summary
from edgeae.summary.trained import CodeSizes, Trained
from edgeae.text.markdown import plain, table

_MODELS = (
    *("model", "family", "dataset", "code", "parameters", "test MSE", "PSNR", "SSIM"),
    *("shuffled MSE", "PCA MSE", "mean image MSE", "epochs", "trained in"),
)
_SIZES = ("model", "code", "test MSE", "PCA", "of PCA’s")
_PROBES = (
    *("model", "linear: code", "PCA", "pixels", "5 nearest: code", "PCA", "pixels"),
    *("label held out", "AUC", "PCA’s"),
)
_WORDS = {"model", "family", "dataset"}


def models(summary: Summary) -> list[str]:
    """Return the summary's blocks about models; no blocks if no model was trained."""
    if not summary.trained:
        return []
    rows = map(_model_row, summary.trained)
    blocks = ["## Models", table(_MODELS, _WORDS, rows), figures.YARDSTICKS]
    notes = dict.fromkeys(model.dataset_note for model in summary.models if model.dataset_note)
    blocks += [f"The dataset digits: {plain(note)}." for note in notes]
    for sizes in summary.code_sizes:
        blocks += [
            f"### Loss against code size: {plain(sizes.family)} on {plain(sizes.dataset)}",
            table(_SIZES, _WORDS, _size_rows(sizes)),
        ]
    probes = [_probe_row(model) for model in summary.trained if model.probe]
    if probes:
        blocks += ["### Probes of the codes", table(_PROBES, _WORDS, probes), figures.PROBE]
    return blocks


def _model_row(model: Trained) -> list[str]:
    return [
        model.name,
        model.family,
        model.dataset,
        figures.count(model.code_size),
        figures.count(model.parameters) if model.parameters else "",
        figures.loss(model.mse),
        figures.decibels(model.figure("model", "psnr")),
        figures.digits(model.figure("model", "ssim")),
        figures.loss(model.figure("model", "shuffled")),
        figures.loss(model.figure("pca", "mse")),
        figures.loss(model.figure("mean", "mse")),
        f"{len(model.curve)}{', interrupted' if model.interrupted else ''}" if model.curve else "",
        figures.seconds(model.seconds) if model.curve else "",
    ]


def _size_rows(sizes: CodeSizes) -> list[list[str]]:
    return [
        [
            item.model,
            figures.count(item.code),
            figures.loss(item.mse),
            figures.loss(item.pca_mse),
            figures.ratio(item.mse / item.pca_mse) if item.pca_mse else "",
        ]
        for item in sizes.sizes
    ]


def _probe_row(model: Trained) -> list[str]:
    probe = model.probe
    assert probe is not None  # see `models`
    kinds = [(way, key) for way in ("linear", "nearest") for key in ("model", "pca", "pixels")]
    return [
        model.name,
        *(figures.digits(probe.features[key][way]) for way, key in kinds),
        str(probe.held_out),
        *(figures.digits(probe.anomaly[key]) for key in ("model", "pca")),
    ]
