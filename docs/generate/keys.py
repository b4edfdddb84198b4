"""The pages of keys in TOML files: recipes, suites, budgets, sweeps and the matrix of exports.

What is allowed of a number is asked of the code itself: it is what the error says about a value
that is not.
"""

import json
import re
from collections.abc import Callable
from typing import Any

from edgeae import recipe
from edgeae.conversion.plan.matrix import Block
from edgeae.errors import BadInput
from edgeae.gate.budget import Budget
from edgeae.gate.budget import from_table as budget_of
from edgeae.metrics.tolerance import DetectionLimits, Tolerance
from edgeae.recipe.schema import EDGES, Recipe
from edgeae.recipe.steps import STEPS, Cluster, Prune, Qat
from edgeae.recipe.table import EXTENDS, from_table, with_defaults
from edgeae.sweep import file as sweeps
from edgeae.timing.suite import Suite
from generate.attributes import Described, described, kind
from generate.markdown import code, table

__all__ = ["budget", "matrix", "recipes", "suites", "sweep"]

Make = Callable[[dict[str, Any]], object]
_HEAD = ("key", "allowed", "default", "meaning")
#: Table of a recipe → what it holds, and the least that it must say.
_STEPS: dict[str, tuple[type, dict[str, Any]]] = {
    "prune": (Prune, {"sparsity": 0.5}),
    "cluster": (Cluster, {"clusters": 16}),
    "qat": (Qat, {}),
}
#: Keys of a recipe that are no rows of its first table.
_APART = ("name", "tolerance", "detection", *_STEPS)
_EXTENDS = (
    "The recipe that this file lies on top of: its name, or a file beside this one. A name is "
    "looked for beside the file first, then as any recipe. Its keys are taken, tables key by key, "
    "except `description` and `steps`."
)


def _limit(make: Make, key: str, wrong: Any) -> str:
    """Return what the error about a wrong value says is allowed; empty without an error."""
    try:
        make({key: wrong})
    except BadInput as error:
        told = re.search(rf"{key}\S* = .*: allowed (?:is|are) (.*)$", str(error))
        return told[1] if told else ""
    return ""


def _allowed(item: Described, make: Make) -> str:
    words = kind(item.hint).removesuffix(" or null")
    wrong: Any = {"whole number": -1, "number": -1, "list of whole number": [-1]}.get(words)
    if words.startswith("table of") and words.endswith("number"):
        wrong = {"layer": -1}
    limit = _limit(make, item.name, wrong) if wrong is not None else ""
    if "whole number" in limit:
        return words.replace("whole number", limit)
    return ", ".join(filter(None, (words, limit)))


def _shown(item: Described) -> str:
    if item.default is None:
        return "required"
    value = json.loads(item.default)
    if value in (None, "", [], {}):
        return "none"
    return code(value if isinstance(value, str) else item.default)


def _rows(items: list[Described], make: Make) -> list[tuple[str, ...]]:
    """Return the rows of a table; keys of which the same is said share one."""
    rows: dict[tuple[str, ...], list[str]] = {}
    for item in items:
        said = (_allowed(item, make), _shown(item), item.text)
        rows.setdefault(said, []).append(code(item.name))
    return [(" ".join(names), *said) for said, names in rows.items()]


def recipes() -> str:
    """Return the page of a recipe's keys."""
    own = [item for item in described(Recipe) if item.name not in _APART]
    rows = _rows(own, _recipe)
    rows = [_io(row) if row[0] == "`io`" else row for row in rows]
    rows.insert(1, (code(EXTENDS), "text", "none", _EXTENDS))
    sections = [_section(name) for name in STEPS]
    return f"""# Recipe keys

A recipe is a TOML file in `export/`; its name is the file's stem. [Compress](../guides/compress.md)
explains what the keys do. An unknown key, a wrong type, and values that do not go together are one
line with file, key, value and what is allowed, and exit code 2, before anything is written.

{table(_HEAD, rows)}

{"".join(sections)}
## `[tolerance]`

What `edgeae verify` accepts; see [what the limits mean](../methodology.md#loss).

{table(_HEAD, _rows(described(Tolerance), lambda values: Tolerance(**values)))}

## `[detection]`

What `edgeae verify` accepts of an export as an anomaly detector, by what
[`edgeae detect`](../guides/detect.md) measured. Without this table nothing of it is checked.

{table(_HEAD, _rows(described(DetectionLimits), lambda values: DetectionLimits(**values)))}

## What goes together

{_together()}
"""


def _recipe(values: dict[str, Any]) -> Recipe:
    return from_table(with_defaults({"name": "a", "quantization": "int8", **values}))


def _section(step: str) -> str:
    held, least = _STEPS[step]
    rows = _rows(described(held), lambda values: held(**{**least, **values}))
    return (
        f"## `[{step}]`\n\n{(held.__doc__ or '').partition(chr(10))[0]}\n\n{table(_HEAD, rows)}\n\n"
    )


def _io(row: tuple[str, ...]) -> tuple[str, ...]:
    """Return the row of `io`, whose default depends on the quantization."""
    firsts = {form: edges[0] for form, edges in EDGES.items() if edges[0] != "float32"}
    told = ", ".join(f"{code(edge)} with {code(form)}" for form, edge in firsts.items())
    return (row[0], row[1], f"{told}, else `float32`", row[3])


def _together() -> str:
    """Return the table of what is possible with each quantization, found by trying."""
    head = ("quantization", "`io`", "steps", "`.onnx`", "per tensor", "`calibration`", "`rounding`")
    return table(head, [_possible(form) for form in EDGES])


def _possible(form: str) -> tuple[str, ...]:
    def able(**values: Any) -> bool:
        table = with_defaults({"name": "a", "quantization": form, **values})
        try:
            from_table(table)
        except BadInput:
            return False
        return True

    hints = {item.name: kind(item.hint) for item in described(Recipe)}

    def those(key: str) -> str:
        choices = re.findall(r"`([^`]+)`", hints[key])
        return " ".join(code(item) for item in choices if able(**{key: item}))

    steps = [step for step in STEPS if able(**{step: _STEPS[step][1]})]
    return (
        code(form),
        those("io"),
        " ".join(map(code, steps)),
        "yes" if able(formats=["tflite", "onnx"]) else "no",
        "yes" if able(per_channel=False) else "no",
        those("calibration"),
        those("rounding"),
    )


def suites() -> str:
    """Return the page of a suite's keys."""
    items = [item for item in described(Suite) if item.name != "name"]
    text = table(_HEAD, _rows(items, lambda values: Suite("a", **_tuples(values))))
    return f"""# Suite keys

A suite is a TOML file in `bench/`; its name is the file's stem. It says which artifacts
`edgeae bench` times, in which runtimes and how. With a table `[budget]` it is also what
`edgeae gate` judges; see [budget keys](budget.md).

{text}
"""


def _tuples(values: dict[str, Any]) -> dict[str, Any]:
    return {key: tuple(item) if isinstance(item, list) else item for key, item in values.items()}


def budget() -> str:
    """Return the page of a budget's keys."""
    items = [item for item in described(Budget) if item.name != "runtimes"]
    (runtimes,) = [item for item in described(Budget) if item.name == "runtimes"]
    return f"""# Budget keys

The table `[budget]` of a suite; without a suite, the gate's budget is the defaults, and
`--max-ratio` replaces the first. The [guide](../guides/gate.md) explains the verdicts.

{table(_HEAD, [*_rows(items, budget_of), _by_runtime(runtimes)])}
"""


def _by_runtime(item: Described) -> tuple[str, ...]:
    return ("`[budget.runtimes.NAME]`", "the keys above", "none", item.text)


def matrix() -> str:
    """Return the page of the matrix's keys."""
    shown = " ".join(code(name) for name in sorted(recipe.available()))
    return f"""# Matrix keys

`export/matrix.toml` holds one or more tables `[[cells]]`. A bundle that several of them name is
made once. [Export](../guides/export.md#the-matrix) says when it is read.

{table(_HEAD, _rows(described(Block), lambda values: Block(**_tuples(values))))}

Recipes that edgeae ships: {shown}.
"""


def sweep() -> str:
    """Return the page of a sweep's keys."""
    least = {"families": ("deep",), "recipes": ("int8",)}
    tables: dict[str, tuple[type, Make]] = {
        "grid": (sweeps.Grid, lambda values: sweeps.Grid(**{**least, **_tuples(values)})),
        "train": (sweeps.Training, lambda values: sweeps.Training(**values)),
        "evaluate": (sweeps.Evaluate, lambda values: sweeps.Evaluate(**values)),
        "budget": (sweeps.Budget, lambda values: sweeps.Budget(**values)),
    }
    sections = [
        f"## `[{name}]`\n\n{(held.__doc__ or '').partition(chr(10))[0]}\n\n"
        f"{table(_HEAD, _rows(described(held), make))}\n"
        for name, (held, make) in tables.items()
    ]
    shown = " ".join(map(code, sweeps.cores()))
    return f"""# Sweep keys

A sweep is a TOML file that `edgeae sweep` takes; the [guide](../guides/sweep.md) has one. Its name
is the file's stem. A value of `[grid]` may stand without a list. At most {sweeps.MOST_CELLS:,}
bundles are one grid. An unknown key, a wrong type and a value that is not allowed are one line with
file, key, value and what is allowed, and exit code 2, before anything is written.

{chr(10).join(sections)}
Emulated cores: {shown}.
"""
