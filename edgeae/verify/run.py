"""Verify's stage: check a bundle, and write `verify.json` beside its manifest."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import as_completed
from dataclasses import dataclass, field, replace
from typing import Any

from edgeae.artifacts.beside import write_beside
from edgeae.artifacts.bundle import Bundle, holding
from edgeae.artifacts.manifest import Artifact, Manifest
from edgeae.errors import (
    BadInput,
    EdgeaeError,
    NotMeasured,
    OutOfTolerance,
    RuntimeCrashed,
    RuntimeUnavailable,
    system_error,
)
from edgeae.metrics.parity import breaches
from edgeae.recipe import PARTS
from edgeae.runtimes import RUNTIMES, Line
from edgeae.runtimes.answers import COMPOSED, SOFTWARE_IMAGES, Answers, ask, longest_s
from edgeae.system import children
from edgeae.system.machine import cores, machine_name
from edgeae.verify.contract import check_contract
from edgeae.verify.images import ImagesKey, images_key
from edgeae.verify.openers import chosen_runtimes, openable
from edgeae.verify.own import Own, answers_within
from edgeae.verify.rows import VERIFY, Composition, Row, Yardstick, compose, losses, parity
from edgeae.verify.subject import Originals, Subject, golden_subject, own_subject, subject


@dataclass(frozen=True)
class Findings:
    """All findings about one bundle.

    Attributes:
        bundle: the bundle.
        rows: one row per artifact and runtime.
        compositions: one per format and runtime.
        codes: exit codes of the failures; empty if all passed.
        golden_only: whether only the golden vectors were compared.
        runtimes: names of the runtimes to which the check was restricted; None for all.
        machine: facts of the device that answered, see `machine.named`; empty for this machine.
    """

    bundle: Bundle
    rows: tuple[Row, ...]
    compositions: tuple[Composition, ...]
    codes: tuple[int, ...]
    golden_only: bool = False
    runtimes: tuple[str, ...] | None = None
    machine: Mapping[str, Any] = field(default_factory=dict)

    @property
    def answered(self) -> bool:
        """Whether the machine has any runtime that opens the bundle."""
        return any(row.verdict != "unavailable" for row in self.rows)

    @property
    def breaches(self) -> list[str]:
        """One line per breach, with artifact, runtime, figure and limit."""
        root = self.bundle.root
        where = f" of {machine_name(self.machine)}" if self.machine else ""
        lines = [
            f"{root}/{row.part}.{row.format} on {row.runtime}{where}: {reason}"
            for row in self.rows
            if row.verdict in ("fail", "crashed")
            for reason in row.reasons
        ]
        return lines + [
            f"{root}/*.{item.format} on {item.runtime}{where}: {reason}"
            for item in self.compositions
            for reason in item.reasons
        ]

    def to_json(self) -> dict[str, Any]:
        """Return the content of `verify.json`, or of a device's file beside it."""
        manifest = self.bundle.manifest
        return {
            "schema": 1,
            "model": manifest.model,
            "recipe": manifest.recipe,
            "manifest_sha256": self.bundle.sha256,
            "golden_only": self.golden_only,
            "runtimes": self.runtimes,
            "dataset": manifest.dataset["name"],
            "machine": dict(self.machine) or None,
            "rows": [row.to_json() for row in self.rows],
            "composition": [item.to_json() for item in self.compositions],
        }


def verify_all(
    bundles: Sequence[Bundle],
    sources: Mapping[ImagesKey, Originals] | None,
    runtimes: list[str] | None,
    *,
    jobs: int,
    say: Callable[[str], None],
    line: Line | None = None,
) -> Iterator[Findings | EdgeaeError]:
    """Verify several bundles; an error in one bundle does not stop the others.

    Args:
        bundles: the bundles to verify.
        sources: `images_key` → test images; None to compare with the golden vectors.
        runtimes: names of the runtimes to use; None for all.
        jobs: number of bundles verified at once.
        say: receives one line per step.
        line: where the board is, for a runtime that is one.

    Yields:
        The findings of a bundle, or the error that prevented them, as each bundle ends.

    Raises:
        BadInput: a runtime does not exist.
    """
    able = openable(bundles, runtimes, say)
    with children.threads(jobs) as pool:
        running = [
            pool.submit(
                verify,
                bundle,
                sources[images_key(bundle)] if sources is not None else None,
                runtimes,
                say,
                max(1, cores() // min(jobs, len(able))),
                line,
            )
            for bundle in able
        ]
        for done in as_completed(running):
            try:
                yield done.result()
            except EdgeaeError as error:
                yield error
            except OSError as error:
                yield system_error(error)


def verify(
    bundle: Bundle,
    originals: Originals | None,
    runtimes: list[str] | None,
    say: Callable[[str], None],
    at_once: int = 1,
    line: Line | None = None,
) -> Findings:
    """Verify every artifact of a bundle in every runtime that opens it; write `verify.json`.

    Args:
        bundle: the bundle to verify.
        originals: the test images and the Keras models' answers; None compares with the bundle's
            golden vectors instead, which needs neither dataset nor TensorFlow.
        runtimes: names of the runtimes to use; None for all.
        say: receives one line per step.
        at_once: number of runtimes that run at the same time.
        line: where the board is, for a runtime that is one.

    Raises:
        BadInput: a runtime does not exist, no named runtime opens an artifact of the bundle, or the
            port of a board cannot be opened.
        ManifestMismatch: a golden vector is not the one that was exported, or a board runs another
            model.
        NotMeasured: there is no reference to compare with.
        RuntimeCrashed: a board does not answer.
    """
    # hold the bundle, so that an export published meanwhile cannot mix its files with these
    with holding(bundle.root) as pinned:
        if originals is not None and images_key(pinned) != images_key(bundle):
            raise NotMeasured(
                f"{bundle.shown}: a newer export with other data replaced it; verify again"
            )
        return _verify(pinned, originals, runtimes, say, at_once, line)


def _verify(
    pinned: Bundle,
    originals: Originals | None,
    runtimes: list[str] | None,
    say: Callable[[str], None],
    at_once: int,
    line: Line | None,
) -> Findings:
    chosen = chosen_runtimes(pinned, runtimes)
    pinned.check()
    check_contract(pinned)
    against = golden_subject(pinned) if originals is None else subject(pinned, originals)

    def checked(runtime: str, form: str) -> _Check:
        say(f"verify {pinned.name}: {form} on {runtime}")
        check = _Check(pinned, against, say, line if RUNTIMES[runtime].on_line else None)
        check.add(runtime, form)
        return check

    # the last of the table, which compile C or emulate a device, take longest and start first
    with children.threads(at_once) as pool:
        checks = list(pool.map(checked, *zip(*chosen[::-1], strict=True)))[::-1]
    findings = Findings(
        replace(pinned, root=pinned.shown),
        tuple(row for check in checks for row in check.rows),
        tuple(item for check in checks for item in check.compositions),
        tuple(sorted({code for check in checks for code in check.codes})),
        golden_only=originals is None,
        runtimes=None if runtimes is None else tuple(runtimes),
    )
    if not findings.answered:  # every runtime that opens the bundle is absent
        findings = replace(findings, codes=(NotMeasured.code,))
    write_beside(pinned, VERIFY, findings.to_json(), say)
    return findings


class _Check:
    """The verification of one bundle: collects rows."""

    def __init__(
        self, bundle: Bundle, against: Subject, say: Callable[[str], None], line: Line | None
    ) -> None:
        self._bundle, self._against, self._say, self._line = bundle, against, say, line
        self._tolerance = bundle.manifest.limits
        self.rows: list[Row] = []
        self.compositions: list[Composition] = []
        self.codes: list[int] = []

    def add(self, runtime: str, form: str) -> None:
        """Run the artifacts of one format in one runtime and add the rows."""
        against = self._against
        if _has_own_integers(self._bundle, form):
            against = against.in_real_units(self._bundle)
        try:
            answers = self._answers(runtime, form, against)
            own = self._own(form, against, answers) if runtime == self._bundle.reference else None
        except RuntimeUnavailable as error:
            flavour = self._bundle.artifact(self._bundle.parts[-1], form).flavour
            self.rows.append(
                Row("*", form, flavour, runtime, verdict="unavailable", reasons=(str(error),))
            )
            return
        if answers.software or answers.slow:
            against = against.first(SOFTWARE_IMAGES)
        compared, golden = answers, against
        if own is not None and answers is against.answers:
            # these answers are the reference: compare the export's own answers with them
            compared, golden = own.answers, own.subject
        for part in self._bundle.parts:
            artifact = self._bundle.artifact(part, form)
            self._part(artifact, runtime, answers, compared, golden, against, own)
        if self._bundle.parts == PARTS:
            self._composition(runtime, form, answers)

    def _answers(self, runtime: str, form: str, against: Subject) -> Answers:
        if against.answers is not None and against.reference == runtime:
            return against.answers
        return self._ask(runtime, form, against)

    def _own(self, form: str, against: Subject, answers: Answers) -> Own:
        subject = own_subject(self._bundle)
        known = answers_within(self._bundle, subject, against.images, answers)
        return Own(subject, known or self._ask(self._bundle.reference, form, subject))

    def _ask(self, runtime: str, form: str, about: Subject) -> Answers:
        parts = self._bundle.parts
        artifacts = [self._bundle.artifact(part, form) for part in parts]
        return ask(
            self._bundle.root,
            runtime,
            form,
            about.images,
            about.codes,
            parts=parts,
            line=self._line,
            say=self._say,
            timeout_s=longest_s(artifacts, len(about.images)),
        )

    def _part(
        self,
        artifact: Artifact,
        runtime: str,
        answers: Answers,
        compared: Answers,
        golden: Subject,
        against: Subject,
        own: Own | None,
    ) -> None:
        part = artifact.part
        who: dict[str, Any] = {
            "part": part,
            "format": artifact.format,
            "flavour": artifact.flavour,
            "runtime": runtime,
            "runtime_version": answers.version,
            "device": answers.device,
            "software": answers.software,
        }
        reconstructed = self._reconstructed(part)
        problem = answers.errors.get(part) or compared.errors.get(part)
        problem = problem or answers.errors.get(reconstructed)
        if problem is None and own is not None:
            problem = own.answers.errors.get(part)
        if problem is not None:
            verdict = _verdict(problem)
            self.rows.append(Row(**who, verdict=verdict, reasons=(str(problem),)))
            if verdict != "unavailable":
                self.codes.append(problem.code)
            return
        compared_answer = parity(compared.outputs[part], golden.expected[part], artifact.output)
        cost = losses(
            artifact,
            answers.outputs[reconstructed],
            against.images,
            _yardstick(self._bundle.manifest, against),
            self._tolerance,
        )
        reasons = (
            *breaches(compared_answer, self._tolerance.on(runtime, artifact.convolves)),
            *cost.breaches,
            *([] if own is None else own.breaches(artifact, self._tolerance)),
        )
        self.rows.append(
            Row(
                **who,
                reference=golden.reference,
                n=len(golden.images),
                share_over_1lsb=compared_answer.share_over_1lsb,
                max_lsb=compared_answer.max_lsb,
                max_abs=compared_answer.max_abs if compared_answer.finite else None,
                loss=cost.loss,
                added_loss=cost.added_loss,
                loss_ratio=cost.loss_ratio,
                added_p99=cost.added_p99,
                verdict="fail" if reasons else "pass",
                reasons=reasons,
                note=answers.notes[part],
            )
        )
        if reasons:
            self.codes.append(OutOfTolerance.code)

    def _reconstructed(self, part: str) -> str:
        """Return the name of the outputs that give a part's loss.

        Without an autoencoder, they are those of encoder and decoder together.
        """
        halves = part == "decoder" and "autoencoder" not in self._bundle.parts
        return COMPOSED if halves else part

    def _composition(self, runtime: str, form: str, answers: Answers) -> None:
        if any(_not_taken(answers.errors.get(part)) for part in (*PARTS, COMPOSED)):
            return  # the rows of the parts have the reason
        problem = answers.errors.get(COMPOSED) or answers.errors.get("autoencoder")
        if problem is not None:
            self.compositions.append(
                Composition(form, runtime, 0, None, None, "fail", (f"composition: {problem}",))
            )
            self.codes.append(problem.code)
            return
        artifact = self._bundle.artifact("autoencoder", form)
        outputs = answers.outputs
        item = compose(artifact, runtime, outputs[COMPOSED], outputs["autoencoder"])
        self.compositions.append(item)
        if item.reasons:
            self.codes.append(OutOfTolerance.code)


def _yardstick(manifest: Manifest, against: Subject) -> Yardstick:
    """Return the reference losses of the reconstructions.

    The control's answers are not stored. For fewer than all test images, the original is the
    reference.
    """
    loss = manifest.loss
    if loss is None or len(against.images) < manifest.dataset["n"]:
        return Yardstick(against.original_loss)
    p99 = None if loss.p99 is None else loss.p99.yardstick
    return Yardstick(against.original_loss if loss.control is None else loss.control, p99)


def _has_own_integers(bundle: Bundle, form: str) -> bool:
    """Return whether a format's files have other internal integers than the reference.

    `fast` .onnx files do, with float inputs and outputs: they are compared in real units.
    """
    part = bundle.parts[0]
    artifact, reference = bundle.artifact(part, form), bundle.artifact(part, bundle.format)
    return artifact.output.grid is None and reference.output.grid is not None


def _verdict(problem: EdgeaeError) -> str:
    if isinstance(problem, RuntimeCrashed):
        return "crashed"
    return "unavailable" if _not_taken(problem) else "fail"


def _not_taken(problem: EdgeaeError | None) -> bool:
    """Return whether a runtime does not take a file, which is no failure of the file."""
    return isinstance(problem, BadInput | NotMeasured)
