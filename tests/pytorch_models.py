"""Small PyTorch autoencoders and their ONNX files in `tests/importing/pytorch/`.

`python tests/pytorch_models.py` trains them again on scikit-learn's 8×8 digits and writes the
files, where PyTorch, onnx and onnxscript are installed. The tests read the files only.
"""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).parent / "importing" / "pytorch"
#: File → name of the model, exporter and opset. `-pair` is written as two files.
FILES = {
    "linear-torchscript11": ("linear", "torchscript", 11),
    "linear-dynamo18": ("linear", "dynamo", 18),
    "linear-external": ("linear", "external", 18),
    "conv-torchscript17": ("conv", "torchscript", 17),
    "conv-dynamo21": ("conv", "dynamo", 21),
    "conv-pair": ("conv", "pair", 17),
    "signal-torchscript13": ("signal", "torchscript", 13),
    "signal-dynamo20": ("signal", "dynamo", 20),
    "channels-torchscript17": ("channels", "torchscript", 17),
    "activations-torchscript11": ("activations", "torchscript", 11),
    "activations-dynamo18": ("activations", "dynamo", 18),
    "fixed-torchscript14": ("conv", "fixed", 14),
}
#: Model → shape of one row.
SHAPES = {
    "linear": (64,),
    "conv": (1, 8, 8),
    "signal": (1, 64),
    "channels": (2, 4, 8),
    "activations": (64,),
}


def rows(shape: tuple[int, ...]) -> dict[str, np.ndarray]:
    """Scikit-learn's digits as rows of a shape, 0 to 1: `x_train` and `x_test`."""
    from sklearn.datasets import load_digits

    images = (load_digits().images / 16).astype(np.float32).reshape(-1, *shape)
    return {"x_train": images[:1497], "x_test": images[1497:]}


def _models() -> dict[str, Callable[[], object]]:
    from torch import nn

    class Conv(nn.Module):
        """Strides, batch normalisation, Flatten, Unflatten, ConvTranspose and Upsample."""

        def __init__(self) -> None:
            super().__init__()
            self.encoder = nn.Sequential(
                nn.Conv2d(1, 12, 3, stride=2, padding=1),
                nn.BatchNorm2d(12),
                nn.ReLU(),
                nn.Conv2d(12, 24, 3, padding=1),
                nn.ReLU(),
                nn.MaxPool2d(2),
                nn.Flatten(),
                nn.Linear(96, 8),
            )
            self.decoder = nn.Sequential(
                nn.Linear(8, 96),
                nn.ReLU(),
                nn.Unflatten(1, (24, 2, 2)),
                nn.ConvTranspose2d(24, 12, 3, stride=2, padding=1, output_padding=1),
                nn.BatchNorm2d(12),
                nn.ReLU(),
                nn.Upsample(scale_factor=2),
                nn.Conv2d(12, 1, 3, padding=1),
                nn.Sigmoid(),
            )

        def forward(self, x):
            return self.decoder(self.encoder(x))

    class Activations(nn.Module):
        """One of each activation, a gate, a concatenation and a slice."""

        def __init__(self) -> None:
            super().__init__()
            kinds = [nn.GELU(), nn.GELU(approximate="tanh"), nn.SiLU(), nn.Hardswish(), nn.PReLU()]
            kinds += [nn.PReLU(8), nn.LeakyReLU(0.1), nn.ELU(), nn.ReLU6(), nn.Hardsigmoid()]
            kinds += [nn.Tanh(), nn.Softplus(), nn.Mish(), nn.Softmax(dim=1)]
            self.first = nn.ModuleList(nn.Linear(64, 8) for _ in kinds)
            self.kinds = nn.ModuleList(kinds)
            self.bottleneck = nn.Linear(8 * len(kinds), 6)
            self.gate = nn.Linear(6, 6)
            self.last = nn.Linear(6, 66)

        def forward(self, x):
            import torch

            x = x * 2 - 1
            parts = [kind(layer(x)) for layer, kind in zip(self.first, self.kinds, strict=True)]
            code = self.bottleneck(torch.cat(parts, dim=1))
            code = code * torch.sigmoid(self.gate(code)) + code
            return torch.sigmoid(self.last(code)[:, 1:65])

    return {
        "linear": lambda: nn.Sequential(
            *(nn.Linear(64, 40), nn.ReLU(), nn.Linear(40, 8)),
            *(nn.Linear(8, 40), nn.ReLU(), nn.Linear(40, 64), nn.Sigmoid()),
        ),
        "conv": Conv,
        "signal": lambda: nn.Sequential(
            *(nn.Conv1d(1, 16, 5, padding=2), nn.GELU(), nn.MaxPool1d(2)),
            *(nn.Conv1d(16, 16, 3, stride=2, padding=1), nn.BatchNorm1d(16), nn.LeakyReLU(0.1)),
            *(nn.Flatten(), nn.Linear(256, 8), nn.Linear(8, 256), nn.Unflatten(1, (16, 16))),
            *(nn.ConvTranspose1d(16, 8, 4, stride=2, padding=1), nn.SiLU()),
            *(nn.Upsample(scale_factor=2), nn.Conv1d(8, 1, 5, padding=2), nn.Sigmoid()),
        ),
        "channels": lambda: nn.Sequential(
            *(nn.Conv2d(2, 8, 3, padding=1), nn.ReLU(), nn.AvgPool2d(2), nn.Flatten()),
            *(nn.Linear(64, 8), nn.Linear(8, 64), nn.ReLU(), nn.Unflatten(1, (8, 2, 4))),
            *(nn.ConvTranspose2d(8, 2, 2, stride=2), nn.Sigmoid()),
        ),
        "activations": Activations,
    }


def trained(name: str) -> object:
    import torch

    torch.manual_seed(0)
    torch.set_num_threads(1)
    model = _models()[name]()
    x = torch.from_numpy(rows(SHAPES[name])["x_train"])
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(100):
        for batch in torch.randperm(len(x)).split(128):
            optimizer.zero_grad()
            torch.nn.functional.mse_loss(model(x[batch]), x[batch]).backward()
            optimizer.step()
    return model.eval()


def write(file: str, model: object) -> None:
    """Write one file of `FILES`, or two."""
    import torch

    name, way, opset = FILES[file]
    x = torch.from_numpy(rows(SHAPES[name])["x_test"][:2])
    if way == "pair":
        codes = model.encoder(x)
        _torchscript(model.encoder, x, FOLDER / f"{file}-encoder.onnx", opset)
        _torchscript(model.decoder, codes, FOLDER / f"{file}-decoder.onnx", opset)
    elif way == "torchscript":
        _torchscript(model, x, FOLDER / f"{file}.onnx", opset)
    elif way == "fixed":
        path = FOLDER / f"{file}.onnx"
        torch.onnx.export(model, x[:1], str(path), opset_version=opset, dynamo=False)
    else:
        torch.onnx.export(
            model,
            (x,),
            str(FOLDER / f"{file}.onnx"),
            opset_version=opset,
            dynamo=True,
            dynamic_shapes=({0: torch.export.Dim("batch")},),
            external_data=way == "external",
        )


def _torchscript(model: object, x: object, path: Path, opset: int) -> None:
    import torch

    torch.onnx.export(
        model,
        x,
        str(path),
        opset_version=opset,
        dynamo=False,
        input_names=["input"],
        output_names=["output"],
        dynamic_axes={"input": {0: "batch"}, "output": {0: "batch"}},
    )


def strip(path: Path) -> None:
    """Remove what an exporter notes of the machine: stack traces, with the paths of sources."""
    import onnx

    model = onnx.load(path, load_external_data=False)
    for item in (model, model.graph, *model.graph.node, *model.graph.value_info):
        item.doc_string = ""
        del item.metadata_props[:]
    for value in (*model.graph.input, *model.graph.output, *model.graph.initializer):
        value.doc_string = ""
        del value.metadata_props[:]
    path.write_bytes(model.SerializeToString(deterministic=True))


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    files = sys.argv[1:] or list(FILES)
    models = {name: trained(name) for name in dict.fromkeys(FILES[file][0] for file in files)}
    for file in files:
        write(file, models[FILES[file][0]])
    for path in FOLDER.glob("*.onnx"):
        strip(path)
