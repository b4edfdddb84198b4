"""Results of sweeps whose figures follow from the axes by a formula."""

import itertools
from dataclasses import replace
from typing import Any

from edgeae.sweep.result import SCHEMA, Sweep, SweepCell, on_front

#: Factors of the loss and of the packed bytes by family, code and recipe.
LOSS: dict[str, dict[Any, float]] = {
    "family": {"simple": 2.0, "deep": 1.0},
    "code": {8: 3.0, 16: 1.5, 32: 1.0},
    "recipe": {"float32": 1.0, "int8": 1.01},
}
BYTES: dict[str, dict[Any, int]] = {
    "family": {"simple": 1, "deep": 2},
    "code": {8: 1, 16: 2, 32: 4},
    "recipe": {"float32": 4, "int8": 1},
}


def cells(*, data: str = "digits", seeds: int = 1, counted: bool = True) -> list[SweepCell]:
    """Return the cells of 2 families × 3 codes × some seeds × 2 recipes; none is on a front."""
    axes = (LOSS["family"], LOSS["code"], range(seeds), LOSS["recipe"])
    return [
        _cell(data, family, code, seed, recipe, counted)
        for family, code, seed, recipe in itertools.product(*axes)
    ]


def _cell(data: str, family: str, code: int, seed: int, recipe: str, counted: bool) -> SweepCell:
    loss = 0.01 * LOSS["family"][family] * LOSS["code"][code] * LOSS["recipe"][recipe]
    size = 1000 * BYTES["family"][family] * BYTES["code"][code] * BYTES["recipe"][recipe]
    return SweepCell(
        model=f"{family}-c{code}-{data}" + (f"-s{seed}" if seed else ""),
        recipe=recipe,
        family=family,
        code=code,
        hidden=(),
        activation="relu",
        seed=seed,
        data=data,
        state="done",
        code_values=code,
        float_loss=loss / LOSS["recipe"][recipe],
        loss=loss,
        loss_ratio=LOSS["recipe"][recipe],
        packed_bytes=size,
        bytes=size + 500,
        sha256="0" * 64,
        instructions=size * 3 + code if counted else None,
        flash_bytes=size + 9000 if counted else None,
        ram_bytes=2000 if counted else None,
    )


def sweep(made: list[SweepCell], name: str = "s", **grid: list[Any]) -> Sweep:
    """Return the result of a sweep; the front is computed, and the grid follows from the cells."""
    best = on_front(made)
    found = {
        "families": list(dict.fromkeys(cell.family for cell in made)),
        "codes": list(dict.fromkeys(cell.code for cell in made)),
        "recipes": list(dict.fromkeys(cell.recipe for cell in made)),
        "seeds": list(dict.fromkeys(cell.seed for cell in made)),
        "data": list(dict.fromkeys(cell.data for cell in made)),
        "hidden": [],
        "activations": [],
        "exclude": [],
    }
    runtime = "null" if any(cell.p50_us is not None for cell in made) else ""
    return Sweep(
        SCHEMA,
        name,
        {**found, **grid},
        {"epochs": 5, "threads": 1},
        {"core": "cortex-m4", "part": "encoder", "runtime": runtime, "on": ""},
        {"loss": None, "packed_bytes": None},
        0,
        tuple(replace(cell, on_front=cell.name in best) for cell in made),
    )
