"""Verify's findings as text."""

from collections.abc import Sequence

from edgeae.artifacts.cautions import of_bundles
from edgeae.system.machine import machine_line
from edgeae.text.columns import align
from edgeae.verify.rows import Row
from edgeae.verify.run import Findings

_HEADER = ["bundle", "artifact", "runtime", "reference", "n", "over 1 LSB", "max LSB", "max abs"]


def render(findings: Sequence[Findings]) -> str:
    """Return the table, one line per reason for an absent answer, and a verdict for all bundles."""
    rows = [[*_HEADER, "loss", "ratio", "verdict"]]
    absent: dict[tuple[str, str], list[str]] = {}
    for item in findings:
        for row in item.rows:
            if row.verdict == "unavailable":
                place = f"{item.bundle.name}/{row.part}.{row.format}" if row.part != "*" else ""
                absent.setdefault((row.runtime, row.reasons[0]), []).append(place)
            else:
                rows.append(_line(item.bundle.name, row))
    composed = [
        ["bundle", "decoder(encoder(x)) = autoencoder(x)", "runtime", "n", "max", "verdict"],
        *(
            [
                item.bundle.name,
                composition.format,
                composition.runtime,
                f"{composition.n:,}",
                f"{composition.max_lsb} LSB"
                if composition.max_lsb is not None
                else f"{composition.max_abs or 0:.1e}",
                composition.verdict,
            ]
            for item in findings
            for composition in item.compositions
        ),
    ]
    machines = dict.fromkeys(machine_line(item.machine) for item in findings if item.machine)
    text = [*machines, align(rows, left=4)]
    if len(composed) > 1:
        text += ["", align(composed, left=3)]
    text += [_absence(*key, places) for key, places in absent.items()]
    manifests = (item.bundle.manifest for item in findings)
    text += [f"warning: {line}" for line in of_bundles(manifests)]
    count = f"{len(findings)} bundle{'s' if len(findings) > 1 else ''}"
    return "\n".join([*text, f"{count}: {_verdict(findings)}"])


def _absence(runtime: str, reason: str, places: Sequence[str]) -> str:
    """Return why a runtime has no answers, and for which artifacts unless it is absent."""
    if not places[0]:
        return f"{runtime}: {reason}"
    more = f" and {len(places) - 1} more" if len(places) > 1 else ""
    return f"{places[0]}{more} on {runtime}: {reason}"


def _verdict(findings: Sequence[Findings]) -> str:
    breached = sum(len(item.breaches) for item in findings)
    if breached:
        return f"{breached} out of tolerance"
    answered = [item for item in findings if item.answered]
    if len(answered) < len(findings):
        where = "there" if any(item.machine for item in findings) else "here"
        return f"{len(findings) - len(answered)} not verified: no runtime {where} opens them"
    return "all pass"


def _line(bundle: str, row: Row) -> list[str]:
    return [
        bundle,
        f"{row.part}.{row.format}",
        row.runtime,
        row.reference,
        f"{row.n:,}",
        "" if row.share_over_1lsb is None else f"{row.share_over_1lsb:.3%}",
        "" if row.max_lsb is None else str(row.max_lsb),
        "" if row.max_abs is None else f"{row.max_abs:.2e}",
        "" if row.loss is None else f"{row.loss:.6f}",
        "" if row.loss_ratio is None else f"{row.loss_ratio:.4f}",
        row.verdict,
    ]
