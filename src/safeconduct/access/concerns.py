"""Whether changes of standing can concern a call that was allowed before them. Where in doubt, they do.

A call is asked about once more only if they can: thousands of grants change without a look at the calls of others.
"""

from collections.abc import Callable, Mapping

from safeconduct.access import authorization as cedar
from safeconduct.access import records as kept
from safeconduct.access.admissions import proof_key
from safeconduct.access.model.calls import CallFacts
from safeconduct.access.model.stops import Selector, SelectorKind
from safeconduct.access.patching import entity_of
from safeconduct.access.secrets import secret_hash
from safeconduct.access.standing import Standing, restricts
from safeconduct.kernel.ports import Records
from safeconduct.policy import EntityUid

TOUCHED_MAX = 64
"""Records touched that are looked at for one call. A larger change is one of the program, and concerns most."""


def concerned(records: Records, since: int, standing: Standing, call: CallFacts, token: str = "") -> bool:
    """Tells whether what changed after an epoch, at which the call was allowed, can change anything about it.

    `standing` is one of that epoch or later; `token` the one that the call came with.
    """
    touched = kept.touched_since(records, since)
    if touched is None or len(touched) > TOUCHED_MAX:
        return True
    reached = _reached(standing, call)
    return any(
        entity_of(name, key) in reached or _RULES.get(name, _always)(records, key, call, token) for name, key in touched
    )


def _reached(standing: Standing, call: CallFacts) -> frozenset[EntityUid]:
    """Returns what the policies can see of the store.

    One of these that was touched since is among them in every standing since: what names it was touched itself, or not.
    """
    path = EntityUid("Path", call.path)
    own = EntityUid("Principal", call.principal), path, EntityUid("Grant", call.grant)
    part = standing.entities.part(frozenset((*own, cedar.CALL, *standing.policies.mentions)), path)
    return frozenset(part.members)


_Rule = Callable[[Records, str, CallFacts, str], bool]


def _always(_records: Records, _key: str, _call: CallFacts, _token: str) -> bool:
    return True


def _never(_records: Records, _key: str, _call: CallFacts, _token: str) -> bool:
    return False


def _principal(records: Records, key: str, call: CallFacts, _token: str) -> bool:
    return key in (call.principal, _sponsor(records, call))


def _path(_records: Records, key: str, call: CallFacts, _token: str) -> bool:
    return key == call.path


def _grant(records: Records, key: str, call: CallFacts, _token: str) -> bool:
    """Another grant that went leaves the call under its own; one that came may make it unclear which is meant."""
    found = kept.grant(records, key)
    own = found is not None and (found.principal, found.path) == (call.principal, call.path)
    return own or key == call.grant


def _token_of(records: Records, key: str, _call: CallFacts, token: str) -> bool:
    found = records.get(kept.TOKENS, key)
    return bool(token) and (found is None or found.hash == secret_hash(token))


def _freeze(records: Records, key: str, call: CallFacts, _token: str) -> bool:
    found = records.get(kept.FREEZES, key)
    return found is not None and all(_may_select(term, call) for term in found.selector.terms)


def _may_select(term: Selector, call: CallFacts) -> bool:
    named = {
        SelectorKind.PRINCIPAL: call.principal,
        SelectorKind.PATH: call.path,
        SelectorKind.ORGANIZATION: call.organization,
        SelectorKind.GRANT: call.grant,
        SelectorKind.AGREEMENT: call.agreement,
    }
    return term.kind not in named or (named[term.kind] == term.name) is not term.barred


def _restriction(records: Records, key: str, call: CallFacts, _token: str) -> bool:
    found = records.get(kept.RESTRICTIONS, key)
    return found is None or restricts(found.selector, call)


def _approval(_records: Records, key: str, call: CallFacts, _token: str) -> bool:
    return key == call.approval


def _admission(records: Records, key: str, call: CallFacts, _token: str) -> bool:
    own = f"principal:{call.principal}", f"organization:{call.organization}"
    return key in own or bool(_sponsor(records, call))


def _proof(_records: Records, key: str, call: CallFacts, _token: str) -> bool:
    return key == proof_key(call.principal, call.path)


def _sponsor(records: Records, call: CallFacts) -> str | None:
    found = records.get(kept.PRINCIPALS, call.principal)
    return found.sponsor if found else None


_RULES: Mapping[str, _Rule] = {
    kept.PRINCIPALS.name: _principal,
    kept.PATHS.name: _path,
    kept.GRANTS.name: _grant,
    kept.ISSUED_GRANTS.name: _grant,
    kept.TOKENS.name: _token_of,
    kept.FREEZES.name: _freeze,
    kept.RESTRICTIONS.name: _restriction,
    kept.MODEL_APPROVALS.name: _approval,
    kept.ADMISSIONS.name: _admission,
    kept.PATH_PROOFS.name: _proof,
    kept.PROGRAMS.name: _never,  # which program it is: what it changed is touched by itself
}
"""Whom a record of each collection can concern beside those whose policies see it; all, where there is no row."""
