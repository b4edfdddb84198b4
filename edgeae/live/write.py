"""Render and write the live page of a build."""

import base64
import gzip
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

from edgeae.artifacts.bundle import Bundle
from edgeae.artifacts.model import Training
from edgeae.embed.record import Record
from edgeae.errors import RuntimeUnavailable
from edgeae.live.choose import LeftOut, choose
from edgeae.live.facts import Facts, model_facts, recipe_facts, rows_of
from edgeae.live.modules import KEPT, modules, records
from edgeae.report.live_card import LiveCard, LivePicture, picture_of
from edgeae.report.template import fill
from edgeae.report.write import bundles_in
from edgeae.summary.trained import model_folders, open_all
from edgeae.system import atomic

PAGE = "index.html"
_BROWSER = Path(__file__).parent / "browser"
#: In this order: each uses what stands before it.
_SCRIPTS = ("ink.js", "engine.js", "canvas.js", "bars.js", "pad.js", "page.js")
#: Datasets of digits, by their names.
_DIGITS = {"mnist", "digits"}
#: Size of MNIST's images, whose way of centring a drawing is for no other.
_CENTRED = (28, 28)


@dataclass(frozen=True)
class Problem:
    """Why the page computes nothing, as a sentence, and the command that changes it."""

    reason: str
    remedy: str = ""


@dataclass(frozen=True)
class Live:
    """The live page of a build.

    Attributes:
        path: where `write` puts the page.
        text: its text.
        card: what the report shows of it.
    """

    path: Path
    text: str
    card: LiveCard

    def write(self) -> None:
        """Write the page."""
        atomic.write_text(self.path, self.text)


@dataclass(frozen=True)
class _Content:
    """What the page computes with.

    Attributes:
        models: see `model_facts`.
        modules: the text of each module: base64 of gzip.
        bundles: those of the modules.
        left_out: see `Choice`.
        problem: why there is nothing; or None.
    """

    models: list[Facts] = field(default_factory=list)
    modules: list[str] = field(default_factory=list)
    bundles: list[Bundle] = field(default_factory=list)
    left_out: tuple[LeftOut, ...] = ()
    problem: Problem | None = None


def live(build: Path, folder: Path) -> Live:
    """Compile the modules that are not kept from before, and render the page; nothing else.

    Args:
        build: folder of models and bundles.
        folder: folder of the page, in which the modules are kept.

    Raises:
        BadInput: a file of the build is damaged.
        ManifestMismatch: a file of a bundle differs from its manifest.
        NotMeasured: there is neither a model nor a bundle.
        RuntimeUnavailable: jinja2 is not installed.
    """
    bundles = bundles_in(build)
    folders = model_folders(build, bundles)
    content = _content(bundles, folders, open_all(folders), folder / KEPT)
    card = _card(content, folder / PAGE)
    return Live(folder / PAGE, _page(content), card)


def _content(
    bundles: Sequence[Bundle],
    folders: Mapping[str, Path],
    trainings: Mapping[str, Training],
    kept: Path,
) -> _Content:
    if not bundles:
        return _Content(problem=Problem("Nothing is exported yet", "edgeae export"))
    choice = choose(bundles)
    made = records(choice.bundles)
    try:
        results = modules(made, kept)
    except RuntimeUnavailable as error:
        return _Content(problem=Problem(error.reason, error.remedy))
    taken = [
        (bundle, record, result)
        for bundle, record, result in zip(choice.bundles, made, results, strict=True)
        if isinstance(result, bytes)
    ]
    refused = [
        LeftOut(bundle.name, _refusal(bundle, result))
        for bundle, result in zip(choice.bundles, results, strict=True)
        if isinstance(result, str)
    ]
    left_out = tuple(sorted((*choice.left_out, *refused), key=lambda item: item.name))
    if not taken:
        return _Content(left_out=left_out, problem=Problem("C takes none of the exports"))
    return _Content(
        _models(taken, folders, trainings),
        [_packed(content) for _, _, content in taken],
        [bundle for bundle, _, _ in taken],
        left_out,
    )


def _refusal(bundle: Bundle, reason: str) -> str:
    """Return why C does not take a bundle; the page says no path of this machine."""
    return f"C does not take it: {reason.replace(f'{bundle.shown}/', '').rstrip('.')}."


def _models(
    taken: Sequence[tuple[Bundle, Record, bytes]],
    folders: Mapping[str, Path],
    trainings: Mapping[str, Training],
) -> list[Facts]:
    found = []
    numbered = list(enumerate(taken))
    for model, group in groupby(numbered, lambda item: item[1][0].manifest.model):
        own = list(group)
        rows = rows_of(own[0][1][0], folders[model], trainings.get(model))
        recipes = [
            recipe_facts(bundle, record, rows, number, len(content))
            for number, (bundle, record, content) in own
        ]
        found.append(model_facts(model, rows, recipes))
    return found


def _packed(module: bytes) -> str:
    return base64.b64encode(gzip.compress(module, 9, mtime=0)).decode()


def _card(content: _Content, page: Path) -> LiveCard:
    if content.problem is not None:
        return LiveCard(page, content.problem.reason, content.problem.remedy)
    models, modules = len(content.models), len(content.modules)
    return LiveCard(
        page,
        drawn=any(model["picture"] for model in content.models),
        models=models,
        modules=modules,
        picture=_picture(content.bundles[0], content.models[0]),
    )


def _picture(bundle: Bundle, model: Facts) -> LivePicture | None:
    if not model["picture"]:
        return None
    return picture_of(bundle, (model["height"], model["width"], model["channels"]))


def _page(content: _Content) -> str:
    first: Facts = content.models[0] if content.models else {"picture": False}
    return fill(
        "live.html.j2",
        folder=_BROWSER,
        title=_title(content),
        lead=_lead(content),
        problem=content.problem,
        models=[model["name"] for model in content.models],
        drawn=first["picture"],
        centred=(first.get("height"), first.get("width")) == _CENTRED,
        left_out=content.left_out,
        data=script_json(content.models),
        modules=content.modules,
        script=_script(),
    )


def _title(content: _Content) -> str:
    pictures = [model for model in content.models if model["picture"]]
    datasets = {bundle.manifest.dataset["name"] for bundle in content.bundles}
    if content.models and not pictures:
        return "Move the code, see the row"
    return "Draw a digit, see its code" if datasets & _DIGITS else "Draw, see the code"


def _lead(content: _Content) -> str:
    if content.problem is not None:
        return "This page lets people draw an image and computes its code, by the exported C."
    given = "stroke" if content.models[0]["picture"] else "row"
    way = "every recipe’s encoder and decoder"
    return f"Each {given} goes through {way}: the exported C, in this page."


def _script() -> str:
    texts = [(_BROWSER / name).read_text(encoding="utf-8") for name in _SCRIPTS]
    return '(() => {\n"use strict";\n' + "\n".join(texts) + "})();"


def script_json(value: Any) -> str:
    """Return JSON that can stand in a script element: a name cannot end the element."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False, ensure_ascii=True)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
