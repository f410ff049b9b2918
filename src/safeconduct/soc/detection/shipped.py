"""The rules that ship with the package."""

from functools import cache
from importlib.resources import files

from safeconduct.soc.detection.model import RuleSet


def shipped_files() -> list[tuple[str, str]]:
    """Returns name and text of each rule file, by name."""
    folder = files("safeconduct.soc.rules")
    found = sorted((item for item in folder.iterdir() if item.name.endswith(".yml")), key=lambda item: item.name)
    return [(item.name, item.read_text(encoding="utf-8")) for item in found]


@cache
def shipped_rules() -> RuleSet:
    """Returns the shipped rules, read once."""
    from safeconduct.soc.detection.parsing import load  # noqa: PLC0415 - 6 MB, and most processes read no rule

    return load(shipped_files())
