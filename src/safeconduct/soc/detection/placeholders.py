"""Which placeholders a rule file names, told without reading it as a rule."""

import re

_PLACEHOLDER = re.compile(r"%([A-Za-z_][A-Za-z0-9_.-]*)%")
_EXPANDED = re.compile(r"\|expand\b")


def placeholders(text: str) -> set[str]:
    """Returns the names of the placeholders in a rule file; a file without the modifier `expand` has none."""
    return set(_PLACEHOLDER.findall(text)) if _EXPANDED.search(text) else set()
