"""The closed list of reasons: what each means to whoever is told, and what they can do next.

Codes and no prose: what is said of a person stands in a log that two organizations keep for years.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from safeconduct.kernel.errors import InvalidInputError
from safeconduct.program.vetting.states import Action


@dataclass(frozen=True, slots=True)
class ReasonCode:
    """One reason, for one action. `todo` says what the subject can do next."""

    code: str
    action: Action
    text: str
    todo: str


_MORE, _DENY, _SUSPEND, _APPEAL = Action.WANT_MORE, Action.DENY, Action.SUSPEND, Action.APPEAL
_ANEW = "submit it again: safeconduct vetting submit"
_OR_APPEAL = "appeal, or open a new case with what was missing"

_LIST = (
    ReasonCode("evidence-unreadable", _MORE, "the evidence could not be read", _ANEW),
    ReasonCode("evidence-incomplete", _MORE, "the evidence does not show all that the check asks for", _ANEW),
    ReasonCode("evidence-too-old", _MORE, "the evidence is older than it may be", "submit a newer one"),
    ReasonCode("source-unverified", _MORE, "where the evidence comes from could not be verified", _ANEW),
    ReasonCode("identity-unproven", _DENY, "who the subject is was not shown", _OR_APPEAL),
    ReasonCode("affiliation-unproven", _DENY, "that the subject belongs to its organization was not shown", _OR_APPEAL),
    ReasonCode("authority-unproven", _DENY, "that somebody may answer for the subject was not shown", _OR_APPEAL),
    ReasonCode("security-insufficient", _DENY, "keys or systems are not kept as the program asks", _OR_APPEAL),
    ReasonCode("purpose-outside-program", _DENY, "what it wants to do is not what the program is for", "appeal"),
    ReasonCode("legally-barred", _DENY, "the law that binds a party forbids it", "appeal"),
    ReasonCode("evidence-false", _DENY, "evidence was found to be false", "appeal"),
    ReasonCode("conduct", _SUSPEND, "calls or acts broke the agreement", "appeal"),
    ReasonCode(
        "credential-compromised",
        _SUSPEND,
        "a key or token may be in other hands",
        "replace it, then ask to be provisioned again",
    ),
    ReasonCode("affiliation-ended", _SUSPEND, "the subject left its organization", "appeal, if it did not"),
    ReasonCode("ownership-changed", _SUSPEND, "the organization has other owners", "open a new case"),
    ReasonCode("under-investigation", _SUSPEND, "something is being looked into", "wait for its end, or appeal"),
    ReasonCode("at-own-request", _SUSPEND, "the subject asked for it", "ask to be provisioned again"),
    ReasonCode("new-evidence", _APPEAL, "there is evidence that was not looked at", "wait for the ruling"),
    ReasonCode("error-of-fact", _APPEAL, "what was assumed is not so", "wait for the ruling"),
    ReasonCode("error-of-procedure", _APPEAL, "it was not decided as the program says", "wait for the ruling"),
    ReasonCode("bias", _APPEAL, "somebody who decided has an interest in it", "wait for the ruling"),
)

REASONS: Mapping[str, ReasonCode] = {one.code: one for one in _LIST}
"""By code."""


def reasons_for(action: Action) -> Iterator[ReasonCode]:
    """Yields the reasons that an action can have."""
    return (one for one in _LIST if one.action is action)


def check_code(code: str, action: Action) -> None:
    """Returns if the code is one of the list, for this action.

    Raises:
        InvalidInputError: `reason-unknown`.
    """
    found = REASONS.get(code)
    if found is None or found.action is not action:
        known = ", ".join(one.code for one in reasons_for(action))
        raise InvalidInputError(
            f"{action} needs one of the reasons {known}; got {code[:64]!r}",
            code="reason-unknown",
            remedy="safeconduct vetting reasons says what each means",
        )
