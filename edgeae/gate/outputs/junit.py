"""The gate's outcome as JUnit XML, for tools that show test results: each cell is a test case.

Figures are properties of the suite, because the schema that Jenkins checks reports against
(`junit-10.xsd`) has no properties in a test case. A test case that did not pass has exactly one
element that states this.
"""

import math
from xml.etree import ElementTree as Xml

from edgeae.gate.finding import Figure, Finding, Outcome
from edgeae.gate.outputs import view
from edgeae.gate.outputs.format import amount, interval, printable

#: Verdict → the element that reports it.
_ELEMENTS = {"fail": "failure", "inconclusive": "error", "missing": "error"}


def render(outcome: Outcome) -> str:
    """Return the XML document; an outcome without cells is one error, never an empty suite."""
    cases = [_case(outcome, finding) for finding in outcome.findings] or [_nothing(outcome)]
    counts = {
        "name": _name(outcome),
        "tests": str(len(cases)),
        "failures": str(_count(cases, "failure")),
        "errors": str(_count(cases, "error")),
        "time": _seconds(outcome.seconds),
    }
    root = Xml.Element("testsuites", counts)
    suite = Xml.SubElement(root, "testsuite", {**counts, "skipped": "0"})
    properties = Xml.SubElement(suite, "properties")
    for key, value in _properties(outcome):
        Xml.SubElement(properties, "property", name=printable(key), value=printable(value))
    suite.extend(cases)
    Xml.indent(root, " ")
    return '<?xml version="1.0" encoding="utf-8"?>\n' + Xml.tostring(root, "unicode") + "\n"


def _name(outcome: Outcome) -> str:
    return printable(f"edgeae gate {outcome.suite}".rstrip())


def _case(outcome: Outcome, finding: Finding) -> Xml.Element:
    case = Xml.Element(
        "testcase",
        classname=_name(outcome),
        name=printable(finding.cell.name),
        time=_seconds(finding.seconds),
    )
    lines = [printable(line) for line in finding.lines]
    lenient = view.is_warning(outcome, finding)
    if finding.verdict in _ELEMENTS and not lenient:
        reason = "; ".join(lines) or finding.verdict
        element = Xml.SubElement(case, _ELEMENTS[finding.verdict], type=finding.verdict)
        element.set("message", reason)
        element.text = "\n".join(lines)
    out = [f"warning: {line}" for line in lines] if lenient else []
    out += [f"{key}: {value}" for key, value in _figures(finding)]
    Xml.SubElement(case, "system-out").text = "\n".join([*out, *map(printable, finding.notes)])
    return case


def _nothing(outcome: Outcome) -> Xml.Element:
    case = Xml.Element("testcase", classname=_name(outcome), name="cells", time="0.000")
    element = Xml.SubElement(case, "error", type="missing")
    element.set("message", printable(outcome.sentence))
    return case


def _properties(outcome: Outcome) -> list[tuple[str, str]]:
    facts = [
        ("verdict", outcome.verdict),
        ("sentence", outcome.sentence),
        ("seed", str(outcome.seed)),
        ("commit", outcome.commit or ""),
        ("command", outcome.command),
        *((f"not on this machine: {name}", reason) for name, reason in outcome.absent),
        *((f"machine {key}", str(value)) for key, value in outcome.machine.items()),
    ]
    return facts + [
        (f"{finding.cell.name}: {key}", value)
        for finding in outcome.findings
        for key, value in _figures(finding)
    ]


def _figures(finding: Finding) -> list[tuple[str, str]]:
    return [(printable(figure.quantity), _told(figure)) for figure in finding.figures]


def _told(figure: Figure) -> str:
    """Return a figure in one line: `fail, 1.048, 95 % 1.041–1.055, limit 1.030`."""
    words = [figure.verdict, amount(figure.value, figure.unit)]
    if interval(figure):
        words.append(f"95 % {interval(figure)}")
    if figure.limit is not None:
        words.append(f"limit {amount(figure.limit, figure.unit)}")
    for side, value in (("baseline", figure.baseline), ("candidate", figure.candidate)):
        if value is not None:
            words.append(f"{side} {amount(value, figure.side_unit)}")
    return ", ".join(item for item in words if item)


def _count(cases: list[Xml.Element], element: str) -> int:
    return sum(case.find(element) is not None for case in cases)


def _seconds(value: float) -> str:
    return f"{max(0.0, value) if math.isfinite(value) else 0.0:.3f}"
