"""Opaque variables: what a model is shown in place of a tool's result, and may only hand on. Pure.

`{{var:k3qz7mhd}}`: the model never reads the text that it stands for, so it can't obey it. docs/spec/variables.md.
"""

import re
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import msgspec

from safeconduct.boundary.restoring import Tally
from safeconduct.boundary.tokens import AS_FOLDED, IDENTITY_CHARS, VARIABLE

SHOWN = re.compile(rf"\{{\{{var:([a-z2-7]{{{IDENTITY_CHARS}}})\}}\}}")
"""A variable as a model is shown it, and has to write it."""

SHOWN_CHARACTERS = len("{{var:}}") + IDENTITY_CHARS

_LIKE = re.compile(r"(?i)\{\{\s*+var\s*+:")

FORGED, FOREIGN, EMBEDDED = "variable-forged", "variable-foreign", "variable-embedded"
"""Why a value may not go that looks like a variable: nobody made it, another session did, or it is no whole value."""

_TALLIES = {FORGED: Tally(forged=1), FOREIGN: Tally(foreign=1), EMBEDDED: Tally(altered=1), "": Tally()}


def shown(token: str) -> str:
    """Returns a variable, by its token in the vault, as a model is shown it."""
    return f"{{{{var:{token.removeprefix(f'{VARIABLE}_').removesuffix(AS_FOLDED)}}}}}"


@dataclass(frozen=True, kw_only=True)
class Variables:
    """The variables that a call's model was shown, each with its text. `elsewhere` has the organization's tokens.

    `told` says whether who reads the answer sees the texts in it; arguments of tool calls have them in any case.
    """

    texts: Mapping[str, str] = field(default_factory=dict)
    elsewhere: Container[str] = frozenset()
    told: bool = False

    @cached_property
    def _whole(self) -> frozenset[str]:
        return frozenset(self.texts.values())

    def misused(self, value: str) -> str:
        """Returns why a value of a call must not go, once its variables were put in; empty where it may.

        What is exactly the text of a variable is that, whatever it looks like.
        """
        if value in self._whole or _LIKE.search(value) is None:
            return ""
        found = {variable[0]: variable[1] for variable in SHOWN.finditer(value)}
        if any(variable in self.texts for variable in found):
            return EMBEDDED
        return FOREIGN if any(f"{VARIABLE}_{name}{AS_FOLDED}" in self.elsewhere for name in found.values()) else FORGED

    def judged(self, value: str) -> Tally:
        """Returns what a value counts as in which nothing was put."""
        return _TALLIES[self.misused(value)]


def holding(text: str, known: Iterable[str]) -> tuple[str, ...]:
    """Returns those texts that stand in another: as they are, or as JSON within a text spells them."""
    return tuple(one for one in known if one in text or spelled(one) in text)


def spelled(text: str) -> str:
    """Returns a text as JSON spells it, without its quotes."""
    return msgspec.json.encode(text)[1:-1].decode()
