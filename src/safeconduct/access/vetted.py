"""What a program's change takes from those who were vetted: a name that means somebody else was not."""

from safeconduct.access import records as kept
from safeconduct.access.model.parties import Organization, Principal
from safeconduct.access.model.stops import SelectorKind
from safeconduct.kernel.canonical import digest
from safeconduct.kernel.ports import State


def forget_vetting(state: State, noun: str, name: str) -> None:
    """Forgets what was found of a principal or an organization that is gone: one of the same name is another."""
    if noun in (SelectorKind.PRINCIPAL, SelectorKind.ORGANIZATION):
        state.delete(kept.ADMISSIONS, f"{noun}:{name}")
    if noun == SelectorKind.PRINCIPAL:
        _forget_proofs(state, name)


def forget_another(state: State, before: object, after: object) -> None:
    """Forgets what does not hold of what stands under the name from now on. With another key it probes anew."""
    if isinstance(before, Principal) and isinstance(after, Principal):
        if identity(before) != identity(after):
            forget_vetting(state, SelectorKind.PRINCIPAL, after.id)
        elif before.key != after.key:
            _forget_proofs(state, after.id)
    elif isinstance(before, Organization) and isinstance(after, Organization) and identity(before) != identity(after):
        forget_vetting(state, SelectorKind.ORGANIZATION, after.id)


def identity(subject: Principal | Organization | None) -> str:
    """Returns a digest of what was vetted under a name: if it changes, the name means another. Empty for nobody."""
    if subject is None:
        return ""
    if isinstance(subject, Organization):
        return digest([subject.id, subject.role, subject.name])
    return digest([subject.id, subject.organization, subject.kind, subject.human, subject.sponsor])


def _forget_proofs(state: State, principal: str) -> None:
    for key in [key for key, _ in state.scan(kept.PATH_PROOFS, f"{principal}/")]:
        state.delete(kept.PATH_PROOFS, key)
