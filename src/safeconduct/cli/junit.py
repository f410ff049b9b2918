"""Results of tests as JUnit XML, which build servers read."""

from collections.abc import Mapping
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from safeconduct.policy.expectations import Rehearsal


def junit(tried: Mapping[str, Rehearsal]) -> bytes:
    """Returns the document: one suite a file, one case a test, and a failure with every line that was wrong."""
    root = Element("testsuites", _counts(list(tried.values())))
    for file, found in tried.items():
        suite = SubElement(root, "testsuite", {"name": file, **_counts([found])})
        for one in found.tried:
            case = SubElement(suite, "testcase", {"classname": file, "name": one.name})
            if not one.passed:
                SubElement(case, "failure", {"message": one.wrong[0]}).text = "\n".join(one.wrong)
    indent(root)
    return bytes(tostring(root, encoding="utf-8", xml_declaration=True))


def _counts(found: list[Rehearsal]) -> dict[str, str]:
    return {"tests": str(sum(len(one.tried) for one in found)), "failures": str(sum(one.failed for one in found))}
