"""What is done about a target that the scope does not cover: by where in a request it was found and the path's rule.

The table is docs/spec/scope.md section 4. A model acts by the arguments it calls tools with; what a person or a page
says in passing acts on nothing, and to refuse it would only teach people to write around it.
"""

from collections.abc import Mapping
from enum import StrEnum


class TargetRule(StrEnum):
    """What a path says of targets in a request that its scope does not cover."""

    IN_SCOPE = "in-scope"
    ASK = "ask"
    MARK = "mark"
    ANY = "any"  # evidence names attackers: reading about a target is not acting on it


class Place(StrEnum):
    """Where in a request a target stands. One that stands in several is in the first of them."""

    ARGUMENT = "argument"  # what the conversation has a tool called with
    STRUCTURED = "structured"  # an address with a scheme, or a value of a JSON document within a text
    PROSE = "prose"


class Handling(StrEnum):
    """What is done about it. Of several on one call the first holds; marks are added to whatever holds."""

    REFUSE = "refuse"
    HOLD = "hold"  # a person approves exactly this call first
    MARK = "mark"  # the call passes; its intent and the answer's header say so
    ALLOW = "allow"


_ROWS: Mapping[TargetRule, tuple[Handling, Handling, Handling]] = {
    #                    argument, structured, prose
    TargetRule.IN_SCOPE: (Handling.REFUSE, Handling.REFUSE, Handling.MARK),
    TargetRule.ASK: (Handling.REFUSE, Handling.HOLD, Handling.HOLD),
    TargetRule.MARK: (Handling.MARK, Handling.MARK, Handling.MARK),
    TargetRule.ANY: (Handling.ALLOW, Handling.ALLOW, Handling.ALLOW),
}
HANDLING: Mapping[tuple[TargetRule, Place], Handling] = {
    (rule, place): handling for rule, row in _ROWS.items() for place, handling in zip(Place, row, strict=True)
}


def handled(rule: TargetRule, outside: Mapping[str, Place], wanted: Handling) -> tuple[str, ...]:
    """Returns the targets outside the scope that a rule handles in the wanted way, sorted."""
    return tuple(sorted(target for target, place in outside.items() if HANDLING[rule, place] is wanted))
