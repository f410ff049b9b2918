"""Programs, freezes and tokens against a model of a few sets, step by step; the entries rebuild the records."""

import hashlib

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, precondition, rule

from safeconduct.access.compiling import compile_standing
from safeconduct.access.cosigning import complete_cosign
from safeconduct.access.events import PROJECTIONS as ACCESS
from safeconduct.access.freezes import freeze, freezes, pending
from safeconduct.access.model.calls import CallRequest
from safeconduct.access.program import parse_program
from safeconduct.access.programs import apply
from safeconduct.access.tokens import issue_token, revoke_token
from safeconduct.access.unfreezing import request_unfreeze
from safeconduct.access.waiting import COSIGN
from safeconduct.kernel.effects import OUTBOX
from safeconduct.kernel.errors import ConflictError, RefusedError, UnauthenticatedError
from safeconduct.kernel.instants import seconds
from safeconduct.ledger.notes import NoteError
from support.freezing import ordered
from support.immediate import ImmediateWriter
from support.programs import cosigned, demo_program, in_force, signed

OPERATION, BODY = "POST /x", b"{}"
HASH = hashlib.sha256(BODY).hexdigest()
SELECTORS = {"all": {"ana", "triage-service"}, "principal:ana": {"ana"}, "grant:service-triage": {"triage-service"}}
DEADLINES = (60, 90, 120)


def program(deadline):
    return demo_program().replace(b"deadline_s: 120", f"deadline_s: {deadline}".encode())


PROGRAMS = {deadline: parse_program(program(deadline)) for deadline in DEADLINES}


class Access(RuleBasedStateMachine):
    requests = Bundle("requests")
    frozen = Bundle("frozen")
    tokens = Bundle("tokens")

    def __init__(self):
        super().__init__()
        self.writer = in_force()
        self.standing = compile_standing(self.writer.state)
        self.deadline = 120
        self.waiting = {}
        self.stops = {}
        self.holders = {}

    def act(self):
        return signed("ops", OPERATION, BODY, self.writer.now)

    @rule(target=requests, deadline=st.sampled_from(DEADLINES))
    def apply(self, deadline):
        wanted, act = PROGRAMS[deadline], self.act()
        applied = self.writer.run(lambda tx: apply(tx, wanted, act, operation=OPERATION, content=HASH))
        assert (applied.request is None) == (deadline == self.deadline)
        if applied.request is None:
            return "nothing"
        self.waiting = {key: what for key, what in self.waiting.items() if what[0] != "program"}
        self.waiting[applied.request] = ("program", deadline)
        return applied.request

    @rule(target=frozen, selector=st.sampled_from(sorted(SELECTORS)))
    def freeze(self, selector):
        act = self.act()
        made = self.writer.run(lambda tx: freeze(tx, act, ordered(selector), operation=OPERATION, content=HASH))
        self.stops[made.id] = selector
        return made.id

    @rule(target=requests, freeze_id=frozen)
    def unfreeze(self, freeze_id):
        act = self.act()

        def ask(tx):
            return request_unfreeze(tx, act, operation=OPERATION, content=HASH, freeze_id=freeze_id).request

        if freeze_id not in self.stops:
            return "nothing"
        if ("unfreeze", freeze_id) in self.waiting.values():
            with pytest.raises(ConflictError):
                self.writer.run(ask)
            return "nothing"
        request = self.writer.run(ask)
        self.waiting[request] = ("unfreeze", freeze_id)
        return request

    @rule(request=requests, covers=st.booleans())
    def cosign(self, request, covers):
        """A cosignature comes, for a request that waits, was done, or was superseded; or one that covers too little."""
        found = next((one for one in pending(self.writer.state) if one.request == request), None)
        assert (found is not None) == (request in self.waiting)
        place = self.writer.place(request) if found else 0
        note = cosigned(found.origin, place + covers) if found else "anything"
        if found and not covers:
            with pytest.raises(NoteError, match="does not cover"):
                self.writer.run(lambda tx: complete_cosign(tx, request, note, index=place))
            return
        entry = self.writer.run(lambda tx: complete_cosign(tx, request, note, index=place))
        assert (entry is not None) == (found is not None)
        kind, what = self.waiting.pop(request, (None, None))
        if kind == "program":
            self.deadline = what
        elif kind == "unfreeze":
            del self.stops[what]

    @precondition(lambda self: "principal:ana" not in self.stops.values())
    @rule(target=tokens, holder=st.sampled_from(["ana", "triage-service"]))
    def issue(self, holder):
        issued = self.issued(holder)
        self.holders[issued.secret] = holder
        return (issued.id, issued.secret)

    @precondition(lambda self: "principal:ana" in self.stops.values())
    @rule(holder=st.sampled_from(["ana", "triage-service"]))
    def fail_to_issue_while_frozen(self, holder):
        before = self.writer.state.copy().rows
        with pytest.raises(RefusedError) as caught:
            self.issued(holder)
        assert caught.value.code == "principal-frozen"
        assert self.writer.state.rows == before

    def issued(self, holder):
        act = signed("ana", OPERATION, BODY, self.writer.now)
        drawn = hashlib.sha256(act.act.nonce.encode()).digest()
        until = self.writer.now + seconds(3600)
        return self.writer.run(
            lambda tx: issue_token(
                tx, lambda _: drawn, act, operation=OPERATION, content=HASH, principal=holder, expires_at=until
            )
        )

    @rule(token=consumes(tokens))
    def revoke(self, token):
        act = self.act()
        self.writer.run(lambda tx: revoke_token(tx, act, operation=OPERATION, content=HASH, token_id=token[0]))
        del self.holders[token[1]]

    @invariant()
    def standing_agrees(self):
        self.standing = standing = compile_standing(self.writer.state, self.standing)
        assert standing == compile_standing(self.writer.state)
        assert standing.paths["soc-triage"].limits.deadline_s == self.deadline
        stopped = set().union(*(SELECTORS[selector] for selector in self.stops.values()))
        for name in ("ana", "triage-service"):
            request = CallRequest(
                principal=name,
                path="soc-triage",
                purpose="incident-triage",
                model="smollm2-135m",
                now=self.writer.now,
            )
            assert standing.authorize(request)[0].allowed == (name not in stopped)

    @invariant()
    def tokens_agree(self):
        for secret, holder in self.holders.items():
            assert self.standing.identify(secret, self.writer.now).id == holder
        assert len(self.standing.tokens) == len(self.holders)
        with pytest.raises(UnauthenticatedError):
            self.standing.identify("sck_none", self.writer.now)

    @invariant()
    def what_waits_has_an_effect_and_nothing_else_has(self):
        assert {one.request for one in pending(self.writer.state)} == set(self.waiting)
        assert {(effect.kind, effect.key) for _, effect in self.writer.state.scan(OUTBOX)} == {
            (COSIGN, request) for request in self.waiting
        }
        assert {one.id for one in freezes(self.writer.state)} == set(self.stops)

    def teardown(self):
        twin = ImmediateWriter(ACCESS)
        for entry in self.writer.entries:
            ACCESS[entry.type](twin.state, entry)
        assert twin.state.rows == self.writer.state.rows


TestAccess = Access.TestCase
TestAccess.settings = settings(max_examples=30, stateful_step_count=25, deadline=None)
