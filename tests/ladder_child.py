"""Child process: one recipe on several models, built as `edgeae export` does, the source watched.

Reads JSON: `models`, folders, each of which gets a bundle; `recipe`, its name; `settings` on top.
Writes, for each model, whether its weights in memory were what they had been at each report of the
compression, at its end, and after the control.
"""

import hashlib
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from edgeae import recipe
from edgeae.conversion import build
from edgeae.originals.legacy_keras import keras


def digest(model: Any) -> str:
    found = hashlib.sha256()
    for weight in model.weights:
        found.update(f"{weight.name} {weight.shape}".encode())
        found.update(weight.numpy().tobytes())
    return found.hexdigest()


class Watch:
    """Stands between the export and its two ways to fine-tune."""

    def __init__(self) -> None:
        self.before = ""
        self.same: list[bool] = []
        self._compress, self._control = build.compress, build.control_losses
        build.compress, build.control_losses = self.compress, self.control

    def compress(self, model: Any, *arguments: Any) -> Iterator[Any]:
        self.before = digest(model)
        steps = self._compress(model, *arguments)
        while True:
            try:
                report = next(steps)
            except StopIteration as end:
                made = end.value
                break
            self.same.append(digest(model) == self.before)
            yield report
        self.same.append(digest(model) == self.before)
        assert digest(made) != self.before
        return made

    def control(self, model: Any, *arguments: Any) -> Any:
        losses = self._control(model, *arguments)
        self.same.append(digest(model) == self.before)
        return losses


def main() -> None:
    job = json.load(sys.stdin)
    plan = recipe.find(job["recipe"], job["settings"])
    watch = Watch()
    found = {}
    for folder in map(Path, job["models"]):
        out = folder / plan.name
        out.mkdir()
        watch.same = []
        told = {"model": str(folder), "recipe": asdict(plan), "overrides": [], "out": str(out)}
        for _ in build.build(json.loads(json.dumps(told))):
            pass
        found[folder.name] = watch.same
        keras.backend.clear_session()
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main()
