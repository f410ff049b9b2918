"""The level in force on a path: the program's is the ceiling, and below it counts what was earned and not lost.

docs/spec/autonomy.md, section 3.
"""

from dataclasses import dataclass, field

from safeconduct.access import records as kept
from safeconduct.access.due import LONG_AGO
from safeconduct.access.model.paths import SealedPath
from safeconduct.kernel.errors import RefusedError
from safeconduct.kernel.ids import PathId
from safeconduct.kernel.instants import Instant
from safeconduct.kernel.ports import Collection, Records
from safeconduct.soc.autonomy.evidence import Evidence
from safeconduct.soc.autonomy.model import Autonomy, lower
from safeconduct.soc.incidents.naming import counted_as


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What a path's `models` earned and lost; once the program names others, it is nothing.

    `level` is what they were promoted or lowered to, None while they are where they began. `why` and `entry` say what
    changed it last, `since` when: `evidence` is from then on. `stopped_by` is the entry that stopped the path, empty
    while it is not.
    """

    path: PathId
    models: tuple[str, ...]
    level: Autonomy | None = None
    since: Instant = LONG_AGO
    why: str = ""
    entry: str = ""
    evidence: Evidence = field(default_factory=Evidence)
    stopped_by: str = ""


STANDINGS = Collection("autonomy_standings", Standing)  # by path

_MEANING = {
    Autonomy.ADVISE: "is shown",
    Autonomy.TRIAGE: "counts as grounds of a response",
    Autonomy.HUNT: "proposes hunts",
    Autonomy.ACT: "lets a playbook stand for a vote",
}


def standing_of(records: Records, path: SealedPath) -> Standing:
    """Returns what a path's models earned and lost: nothing yet where the program names others than before."""
    found = records.get(STANDINGS, path.id)
    if found is not None and found.models == path.models:
        return found
    return Standing(path=path.id, models=path.models, stopped_by=found.stopped_by if found else "")


def evidence_of(records: Records, standing: Standing) -> Evidence:
    """Returns what speaks for a path's models and against them, each incident once, as incidents stand now."""
    return standing.evidence.renamed(lambda incident: counted_as(records, incident))


def level_of(records: Records, path: str) -> Autonomy:
    """Returns the level in force on a path. On one that is gone, was not told or is stopped, `advise`."""
    sealed = records.get(kept.PATHS, path) if path else None
    if sealed is None:
        return Autonomy.ADVISE
    standing = standing_of(records, sealed)
    if standing.stopped_by:
        return Autonomy.ADVISE
    return lower(Autonomy(sealed.autonomy), standing.level or Autonomy(sealed.autonomy_start))


def may(records: Records, path: str, wanted: Autonomy) -> bool:
    """Tells whether a model's word on this path may cause this much now."""
    return level_of(records, path).rank >= wanted.rank


def refuse_stopped(records: Records, path: str) -> None:
    """Returns if nobody stopped the path's model.

    Raises:
        RefusedError: `autonomy-stopped`.
    """
    found = records.get(STANDINGS, path)
    if found is not None and found.stopped_by:
        raise RefusedError(
            f"on path {path} nothing that a model says counts: it was stopped by entry {found.stopped_by}",
            code="autonomy-stopped",
            clause=f"path:{path}/autonomy",
            remedy="safeconduct autonomy show says since when; safeconduct autonomy resume ends it",
        )


def refuse_beyond(records: Records, path: str, wanted: Autonomy) -> None:
    """Returns if a model's word on this path may cause this much now.

    Raises:
        RefusedError: `autonomy-exceeded`, `autonomy-stopped`.
    """
    refuse_stopped(records, path)
    if not may(records, path, wanted):
        raise RefusedError(
            f"on path {path or 'unknown'} a model's word {_MEANING[level_of(records, path)]} and no more; "
            f"that it {_MEANING[wanted]} takes autonomy {wanted}",
            code="autonomy-exceeded",
            clause=f"path:{path or 'unknown'}/autonomy",
            remedy="safeconduct autonomy show says what is in force, why, and what it takes to raise it",
        )
