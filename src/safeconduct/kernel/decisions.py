"""A decision is a value that says why."""

from dataclasses import dataclass
from enum import StrEnum


class Effect(StrEnum):
    """The two answers there are."""

    ALLOW = "allow"
    DENY = "deny"


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a decision fell.

    `code` is stable kebab-case; `clause` names what decided (policy `@id`, grant, scope, freeze, agreement
    clause); `text` is for people, `remedy` says what would make it pass, without a word of what was asked.
    """

    code: str
    clause: str
    text: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """Allow or deny, with at least one reason for a deny.

    `determining` are the policies that decided, `errors` what the engine could not evaluate: any error denies.
    """

    effect: Effect
    reasons: tuple[Reason, ...] = ()
    determining: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()

    @property
    def allowed(self) -> bool:
        """True only for an allow without engine errors."""
        return self.effect is Effect.ALLOW and not self.errors
