"""`edgeae sample`."""

from pathlib import Path
from typing import Annotated

import typer

from edgeae.cli.options import MaxUnpacked
from edgeae.cli.output import Build, Json, put, put_json

#: Largest number of images that a sheet shows; each image takes one call of the decoder.
_MOST = 10_000


def sample(
    model: Annotated[str, typer.Argument(help="A variational model, by name or folder.")],
    n: Annotated[int, typer.Option("--n", "-n", min=1, max=_MOST, help="Number of images.")] = 64,
    seed: Annotated[
        int, typer.Option(min=0, help="Seed; the same seed gives the same images.")
    ] = 0,
    max_unpacked: MaxUnpacked = None,
    build: Build = "build",
    json: Json = False,
) -> None:
    """Draw new images from a variational autoencoder: build/MODEL/samples.png and samples.npy."""
    from edgeae.artifacts.model import find_model, open_model
    from edgeae.families.samples import ARRAYS, SAMPLES, sampled_picture
    from edgeae.system.extras import missing
    from edgeae.training.current import tool_versions

    folder = find_model(Path(build), model)
    training = open_model(folder)
    picture = sampled_picture(folder, training)
    tool_versions()  # raises before anything is loaded if TensorFlow is missing
    try:
        from edgeae.training.sampling import sample as run
    except ImportError as error:
        raise missing(str(error)) from None
    images = run(folder, training, picture, n, seed)
    found = {
        "model": training.model,
        "n": n,
        "seed": seed,
        "shape": list(images.shape[1:]),
        "samples": str(folder / SAMPLES),
        "arrays": str(folder / ARRAYS),
    }
    put_json(found) if json else put(str(folder / SAMPLES))
