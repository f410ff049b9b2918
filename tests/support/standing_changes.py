"""Changes of what calls are judged by, drawn: records of every collection that a standing is compiled from."""

from dataclasses import replace

from hypothesis import strategies as st

from safeconduct.access import records as kept
from safeconduct.access.admissions import Admission, AdmissionState, PathProof
from safeconduct.access.lowering import Lowered
from safeconduct.access.model.changes import ModelUse
from safeconduct.access.model.grants import GrantOrigin
from safeconduct.access.model.stops import Freeze, Restriction, RestrictionKind, Selector, SelectorKind
from safeconduct.access.model.tokens import Token
from safeconduct.access.selectors import parse_selection
from support.immediate import START
from support.programs import in_force
from support.vetting import vetted_program

PROGRAM = in_force().state
RULES = in_force(vetted_program()).state.get(kept.VETTING, kept.VETTING_KEY)
ANA, PATH, GRANT = (
    PROGRAM.get(kept.PRINCIPALS, "ana"),
    PROGRAM.get(kept.PATHS, "soc-triage"),
    PROGRAM.get(kept.GRANTS, "ana-triage"),
)
WHO, WHERE, NUMBERS = ("ana", "p1", "p2"), ("soc-triage", "w1", "w2"), ("1", "2", "3")


def selectors():
    return st.sampled_from([Selector(SelectorKind.ALL), *(Selector(SelectorKind.PRINCIPAL, who) for who in WHO)])


CHANGES = st.one_of(
    st.builds(
        lambda key, tier: (kept.PRINCIPALS, key, replace(ANA, id=key, tier=tier)),
        st.sampled_from(WHO),
        st.sampled_from((0, 1)),
    ),
    st.builds(
        lambda key, weaker: (kept.PATHS, key, replace(PATH, id=key, weaker=weaker)),
        st.sampled_from(WHERE),
        st.sampled_from((None, "x")),
    ),
    st.builds(
        lambda key, who, where: (kept.GRANTS, key, replace(GRANT, id=key, principal=who, path=where)),
        st.sampled_from(NUMBERS),
        st.sampled_from(WHO),
        st.sampled_from(WHERE),
    ),
    st.builds(
        lambda key, who: (
            kept.ISSUED_GRANTS,
            key,
            replace(GRANT, id=key, principal=who, origin=GrantOrigin.REQUEST),
        ),
        st.sampled_from(("1", "I")),  # also one that the program has
        st.sampled_from(WHO),
    ),
    st.builds(
        lambda who, tier: (
            kept.ADMISSIONS,
            f"principal:{who}",
            Admission(
                subject=Selector(SelectorKind.PRINCIPAL, who), state=AdmissionState.READY, tier=tier, until=1, case="c"
            ),
        ),
        st.sampled_from(WHO),
        st.sampled_from((0, 1)),
    ),
    st.builds(
        lambda who, digest: (
            kept.PATH_PROOFS,
            f"{who}/w1",
            PathProof(principal=who, path="w1", digest=digest, call="c", at=START),
        ),
        st.sampled_from(WHO),
        st.sampled_from("ab"),
    ),
    st.just((kept.VETTING, kept.VETTING_KEY, RULES)),
    st.builds(
        lambda key, said, who: (kept.TOKENS, key, Token(id=key, hash=said, principal=who, issued_at=0, expires_at=1)),
        st.sampled_from(NUMBERS),
        st.sampled_from(("a", "b")).map(lambda said: said * 64),
        st.sampled_from(WHO),
    ),
    st.builds(
        lambda key, on: (kept.FREEZES, key, Freeze(id=key, selector=on, by="ops", reason="r", at=START)),
        st.sampled_from(NUMBERS),
        st.sampled_from(("all", "principal:ana", "path:w1&!principal:p1")).map(parse_selection),
    ),
    st.builds(
        lambda key, on: (
            kept.RESTRICTIONS,
            key,
            Restriction(id=key, selector=on, kind=RestrictionKind.HOLD, slow_ms=0, by="ops", reason="r", at=START),
        ),
        st.sampled_from(NUMBERS),
        selectors(),
    ),
    st.builds(
        lambda key, on, tier: (
            kept.LOWERED,
            key,
            Lowered(subject=on, tier=tier, obligation="drill", why="none", since=START),
        ),
        st.sampled_from(NUMBERS),
        selectors(),
        st.sampled_from((0, 1)),
    ),
    st.builds(
        lambda key: (kept.MODEL_APPROVALS, key, ModelUse(path=key, model="m", version="1")), st.sampled_from(WHERE)
    ),
)
"""Records that replace others of their key. Tokens never share a hash: it is that of their secret."""


def changed(state, changes):
    """Returns a state with drawn changes, which count as one entry's. Each comes with whether it is a removal."""
    state = state.copy()
    for (collection, key, value), removed in changes:
        hashes = {token.hash for other, token in state.scan(kept.TOKENS) if other != key}
        if removed:
            state.delete(collection, key)
        elif not isinstance(value, Token) or value.hash not in hashes:
            state.put(collection, key, value)
    kept.advance_epoch(state, {(collection.name, key) for (collection, key, _), _ in changes})
    return state


def drawn_changes(most=4):
    return st.lists(st.tuples(CHANGES, st.booleans()), min_size=1, max_size=most)
