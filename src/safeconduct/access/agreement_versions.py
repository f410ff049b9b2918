"""Versions of an agreement as records: each that ever came into force, the one that stands, and the one to follow it.

docs/spec/agreement.md section 4.
"""

from dataclasses import dataclass, replace

from safeconduct.access import records as kept
from safeconduct.access.model.agreements import Agreement
from safeconduct.access.model.programs import ProgramRecord
from safeconduct.access.signing import agreement_digest
from safeconduct.kernel.effects import Timer, clear_timer, set_timer
from safeconduct.kernel.entries import Entry
from safeconduct.kernel.ids import EntryId
from safeconduct.kernel.instants import Instant
from safeconduct.kernel.ports import Collection, State

SUCCESSION_TIMER = "agreement.succession"
"""The kind of timer whose firing calls `program.agreements.succeed`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreementVersion:
    """One version as both signed it: `request` asked for it, `entry` brought it into force, both in the log."""

    agreement: Agreement
    digest: str
    request: EntryId
    entry: EntryId
    at: Instant


AGREEMENT_VERSIONS = Collection("agreement-versions", AgreementVersion)  # at `id/version`, five digits


def take_version(state: State, entry: Entry, program: ProgramRecord, agreement: Agreement) -> None:
    """Keeps a version that was signed and cosigned. It stands from now on, or follows the one that does.

    It follows where it begins later than now: until then the present one goes on. A newer one takes its place.
    """
    version = AgreementVersion(
        agreement=agreement,
        digest=agreement_digest(agreement),
        request=program.request,
        entry=entry.id,
        at=entry.at,
    )
    state.put(AGREEMENT_VERSIONS, f"{agreement.id}/{agreement.version:05d}", version)
    _drop_next(state, agreement.id)
    present = state.get(kept.AGREEMENTS, agreement.id)
    if present is not None and present.version != agreement.version and entry.at < agreement.valid.opens_at:
        state.put(kept.NEXT_AGREEMENTS, agreement.id, agreement)
        set_timer(state, _timer(agreement))
    else:
        state.put(kept.AGREEMENTS, agreement.id, agreement)
        _note_version(state, agreement)


def follow(state: State, agreement: str) -> None:
    """Puts the version that was to follow in the place of the one that stood."""
    following = state.get(kept.NEXT_AGREEMENTS, agreement)
    if following is not None:
        _drop_next(state, agreement)
        state.put(kept.AGREEMENTS, agreement, following)
        _note_version(state, following)


def terminate(state: State, agreement: str, at: Instant) -> None:
    """Has an agreement end at an instant, and nothing follow it, until both sign another version."""
    present = state.get(kept.AGREEMENTS, agreement)
    if present is not None:
        _drop_next(state, agreement)
        state.put(kept.AGREEMENTS, agreement, replace(present, terminates_at=at))


def _drop_next(state: State, agreement: str) -> None:
    following = state.get(kept.NEXT_AGREEMENTS, agreement)
    if following is not None:
        clear_timer(state, _timer(following))
        state.delete(kept.NEXT_AGREEMENTS, agreement)


def _note_version(state: State, agreement: Agreement) -> None:
    """Says in the record of the program which version stands: answers that are remembered are remembered by it."""
    program = state.get(kept.PROGRAMS, kept.PROGRAM_KEY)
    if program is not None and program.agreement == agreement.id:
        state.put(kept.PROGRAMS, kept.PROGRAM_KEY, replace(program, agreement_version=agreement.version))


def _timer(following: Agreement) -> Timer:
    return Timer(kind=SUCCESSION_TIMER, key=following.id, due_at=following.valid.opens_at)
