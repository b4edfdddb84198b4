"""A runtime that takes none of some parts' operators: a row that says so, never a failure."""

from collections.abc import Callable

import numpy as np
import pytest
from tampering import corrupt

from edgeae.artifacts.bundle import Bundle
from edgeae.errors import BadInput, EdgeaeError, ManifestMismatch, NotMeasured
from edgeae.runtimes.answers import COMPOSED, Answers, ask
from edgeae.verify import run as verify_run

PARTS = ("encoder", "decoder", "autoencoder")
TOLD = "XNNPACK took none of the operators; litert-builtin would run them"


def without(*parts: str, error: EdgeaeError) -> Callable[..., Answers]:
    """Answer as LiteRT does, but for parts that cannot be measured."""

    def answer(*arguments: object, **settings: object) -> Answers:
        found = ask(*arguments, **settings)  # type: ignore[arg-type]
        for part in parts:
            del found.outputs[part]
            found.errors[part] = error
        if "encoder" in parts:
            del found.outputs[COMPOSED]
            # what the child says of a task whose input was never made
            found.errors[COMPOSED] = EdgeaeError("no input: the part that makes encoder failed")
        elif "decoder" in parts:
            del found.outputs[COMPOSED]
            found.errors[COMPOSED] = error
        return found

    return answer


def verified(bundle: Bundle) -> verify_run.Findings:
    return verify_run.verify(bundle, None, ["litert-xnnpack", "litert-builtin"], lambda line: None)


@pytest.mark.parametrize("kind", [NotMeasured, BadInput])
@pytest.mark.parametrize(
    "parts", [PARTS, ("encoder",), ("decoder",), ("autoencoder",), ("encoder", "autoencoder")]
)
def test_parts_that_are_not_taken_have_no_verdict_and_nothing_failed(
    parts, kind, tiny_bundle, monkeypatch
):
    bundle = tiny_bundle()
    monkeypatch.setattr(
        verify_run,
        "ask",
        lambda root, runtime, *arguments, **settings: (
            without(*parts, error=kind(TOLD)) if runtime == "litert-xnnpack" else ask
        )(root, runtime, *arguments, **settings),
    )
    findings = verified(bundle)
    assert findings.codes == () and findings.breaches == [] and findings.answered
    verdicts = {(row.runtime, row.part): row.verdict for row in findings.rows}
    for part in PARTS:
        assert verdicts["litert-builtin", part] == "pass"
        expected = "unavailable" if part in parts else "pass"
        assert verdicts["litert-xnnpack", part] == expected
    told = {row.reasons for row in findings.rows if row.verdict == "unavailable"}
    assert told == {(TOLD,)}
    assert [item.runtime for item in findings.compositions] == ["litert-builtin"]


def test_a_composition_of_wrong_answers_still_fails(tiny_bundle, monkeypatch):
    def wrong(root: object, runtime: str, *arguments: object, **settings: object) -> Answers:
        found = ask(root, runtime, *arguments, **settings)  # type: ignore[arg-type]
        if runtime == "litert-xnnpack":
            found.outputs[COMPOSED] = np.flip(found.outputs[COMPOSED], 0)
        return found

    monkeypatch.setattr(verify_run, "ask", wrong)
    findings = verified(tiny_bundle())
    assert findings.codes == (1,)
    failed = [item.runtime for item in findings.compositions if item.verdict == "fail"]
    assert failed == ["litert-xnnpack"]


def test_a_decoder_without_codes_has_the_encoders_reason(tiny_bundle, odd):
    """As the runtime's own error: it is no failure that there was nothing to compose."""
    bundle = tiny_bundle()
    answers = ask(bundle.root, "odd-refuses", "tflite", bundle.golden("image"), None)
    assert {type(error) for error in answers.errors.values()} == {BadInput}
    assert set(answers.errors) == {"encoder", "autoencoder", COMPOSED}
    assert "takes no such model" in str(answers.errors[COMPOSED])
    findings = verify_run.verify(bundle, None, ["odd-refuses", "litert-builtin"], print)
    assert findings.codes == () and findings.answered


def test_a_damaged_artifact_is_an_error_and_no_row(tiny_bundle, odd):
    bundle = tiny_bundle()
    corrupt(bundle.root / "decoder.tflite")
    with pytest.raises(ManifestMismatch):
        verify_run.verify(bundle, None, ["odd-refuses"], print)
