"""Levels of autonomy: what a model's word about an incident may cause, by the path that it was asked on.

docs/spec/autonomy.md, section 1. A level allows what those before it allow.
"""

from enum import StrEnum

from safeconduct.access import records as kept
from safeconduct.kernel.errors import RefusedError
from safeconduct.kernel.ports import Records


class Autonomy(StrEnum):
    """What may follow from a model's word. In rising order."""

    ADVISE = "advise"
    TRIAGE = "triage"
    HUNT = "hunt"
    ACT = "act"

    @property
    def rank(self) -> int:
        """Its place in the order, from 0."""
        return tuple(Autonomy).index(self)


_MEANING = {
    Autonomy.ADVISE: "is shown",
    Autonomy.TRIAGE: "counts as grounds of a response",
    Autonomy.HUNT: "proposes hunts",
    Autonomy.ACT: "lets a playbook stand for a vote",
}


def level_of(records: Records, path: str) -> Autonomy:
    """Returns the level in force on a path: the program's. On a path that is gone or was not told, `advise`."""
    sealed = records.get(kept.PATHS, path) if path else None
    return Autonomy(sealed.autonomy) if sealed else Autonomy.ADVISE


def may(records: Records, path: str, wanted: Autonomy) -> bool:
    """Tells whether a model's word on this path may cause this much now."""
    return level_of(records, path).rank >= wanted.rank


def refuse_beyond(records: Records, path: str, wanted: Autonomy) -> None:
    """Returns if a model's word on this path may cause this much now.

    Raises:
        RefusedError: `autonomy-exceeded`.
    """
    if not may(records, path, wanted):
        raise RefusedError(
            f"on path {path or 'unknown'} a model's word {_MEANING[level_of(records, path)]} and no more; "
            f"that it {_MEANING[wanted]} takes autonomy {wanted}",
            code="autonomy-exceeded",
            clause=f"path:{path or 'unknown'}/autonomy",
            remedy="safeconduct review report says what is in force; the program's paths.<name>.autonomy may say more",
        )
