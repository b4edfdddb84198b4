"""The children of `edgeae sensitivity`: processes of this machine, or tasks of a cluster."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Any

from edgeae.artifacts.model import Training, open_model
from edgeae.conversion.plan.controls import bring_control
from edgeae.conversion.plan.inputs import inputs_of
from edgeae.conversion.plan.tools import tool_versions
from edgeae.errors import system_error
from edgeae.recipe import Recipe
from edgeae.scheduling.reports import reports
from edgeae.scheduling.task import OUT, Executor, Task
from edgeae.system.children import Message
from edgeae.system.extras import versions
from edgeae.system.scratch import scratch

_TIMEOUT_S = 3600.0
#: What k-means needs, also under recipes that do not cluster: the curves are of all settings.
_CLUSTERING = ("scikit-learn",)


def reported(
    module: str,
    folder: Path,
    plan: Recipe,
    more: Mapping[str, Any],
    say: Callable[[str], None],
    *,
    cluster: Executor | None,
    judged_on: str | None = None,
) -> Sequence[Message]:
    """Run a child to its end, and return its reports.

    If it trained a control on another machine, the losses come to the model's folder, so that the
    next child is given them, wherever it runs.

    Args:
        module: the child's module.
        folder: the model's folder.
        plan: the recipe.
        more: what the job has besides the model and the recipe.
        say: receives each line that the child says.
        cluster: runs the child on another machine; None for this one. It stays open.
        judged_on: the images on which the child judges a control, see `control_of`; None if it has
            no control.

    Raises:
        EdgeaeError: the child raised it; or, on a cluster, no worker can run the child, the data
            cannot be read, or what came back is damaged.
    """
    if cluster is None:
        job = {"model": str(folder), "recipe": asdict(plan), **more}
        return reports(module, job, say, _TIMEOUT_S)
    training = open_model(folder)
    with scratch() as out:
        cluster.submit(_task(module, folder, training, plan, more, say, judged_on, out))
        (done,) = cluster.completed()
        if done.error is not None:
            raise done.error
        if judged_on is not None:
            bring_control(out, folder, training, plan, judged_on)
    return done.reports


def _task(
    module: str,
    folder: Path,
    training: Training,
    plan: Recipe,
    more: Mapping[str, Any],
    say: Callable[[str], None],
    judged_on: str | None,
    out: Path,
) -> Task:
    """Return a child as a task of any machine: it names all that it reads.

    Raises:
        EdgeaeError: the data cannot be read, or a package is missing.
    """
    try:
        inputs = inputs_of(folder, training, plan, judged_on)
    except OSError as error:
        raise system_error(error) from None
    return Task(
        name=f"{folder.name}/{plan.name}",
        module=module,
        job={
            "model": "{model}",
            "recipe": asdict(plan),
            "rows": inputs.rows,
            "controls": f"{{{OUT}}}",
            **more,
        },
        into=lambda: nullcontext(out),
        say=say,
        reads=inputs.reads,
        variables=inputs.variables,
        versions={**tool_versions(plan), **versions(_CLUSTERING)},
        timeout_s=_TIMEOUT_S,
    )
