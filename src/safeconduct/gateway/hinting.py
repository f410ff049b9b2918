"""Step 5: hints of an attack in a request, and what the path does about them (docs/spec/detection.md section 3)."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from safeconduct.access.detection import HintAct
from safeconduct.access.model.paths import SealedPath
from safeconduct.boundary.hints import PROBES, hints
from safeconduct.boundary.linear_hints import shipped_model
from safeconduct.boundary.model import Hint, Transcript
from safeconduct.kernel.canonical import JSONValue
from safeconduct.kernel.errors import RefusedError

DETAILS_MAX = 64
"""Hints of a request whose place is kept; of all of them the families are counted."""


def find_hints(path: SealedPath, transcript: Transcript, said: Sequence[Hint] | None = None) -> tuple[Hint, ...]:
    """Returns the hints in a conversation, none on a path where nobody asks for them.

    `said` are those of the machine's classifier, None before it was asked.
    """
    if not path.looks_for_hints:
        return ()
    found = (*hints(transcript.blocks, path.hint_rules), *(said or ()))
    return (*found, *_modeled(path, transcript)) if path.hint_model else found


def _modeled(path: SealedPath, transcript: Transcript) -> tuple[Hint, ...]:
    model = shipped_model()
    return (model.limited(path.hint_limits) if path.hint_limits else model)(transcript.blocks)


def check_hints(path: SealedPath, found: Sequence[Hint]) -> None:
    """Returns unless the path refuses requests with these hints.

    Raises:
        RefusedError: `hint-refused`.
    """
    refused = acted_on(path, found, HintAct.REFUSE)
    if refused:
        raise RefusedError(
            f"the request holds what looks like an attack: {_told(refused)}",
            code="hint-refused",
            clause=clause_of(path, refused),
            remedy="leave out what is named, or ask the people who answer for the path",
        )


def held_for(path: SealedPath, found: Sequence[Hint]) -> tuple[str, str]:
    """Returns by which clause and why a person must look at the request first; empty where the path asks for none."""
    held = acted_on(path, found, HintAct.HOLD)
    return (clause_of(path, held), f"it holds what looks like an attack: {_told(held)}") if held else ("", "")


def acted_on(path: SealedPath, found: Iterable[Hint], act: HintAct) -> tuple[Hint, ...]:
    """Returns the hints about which the path does that."""
    return tuple(one for one in found if path.hint_act(one.family) is act)


def clause_of(path: SealedPath, found: Sequence[Hint]) -> str:
    """Returns where the path says what is done about the first of some hints."""
    family = found[0].family
    return f"path:{path.id}/hint_families/{family}" if family in path.hint_families else f"path:{path.id}/hints"


def attacked(found: Iterable[Hint]) -> tuple[str, ...]:
    """Returns where a request holds what looks like an attack, whoever said it."""
    return tuple(one.pointer for one in found if one.family not in PROBES)


def probed(found: Iterable[Hint]) -> tuple[str, ...]:
    """Returns where a request asks for the model's orders or what it memorized: it depends on who does."""
    return tuple(one.pointer for one in found if one.family in PROBES)


def counted(found: Sequence[Hint]) -> Mapping[str, int]:
    """Returns how many blocks have a hint of each family."""
    if not found:
        return {}
    return dict(sorted(Counter(family for family, _ in {(one.family, one.pointer) for one in found}).items()))


def detailed(found: Sequence[Hint]) -> tuple[JSONValue, ...]:
    """Returns which rule matched where and how, for the sealed part of an entry."""
    return tuple(
        {"rule": one.rule, "family": one.family, "pointer": one.pointer, "via": one.via} for one in found[:DETAILS_MAX]
    )


def _told(found: Sequence[Hint]) -> str:
    first = found[0]
    more = f" and {len(found) - 1} more" if len(found) > 1 else ""
    return f"rule {first.rule} at {first.pointer or '/'}{more}"
