"""An installation with the demo's program in force and an incident whose claims were checked."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from safeconduct.access.acts import ProgramElectorate
from safeconduct.approvals import Verdict, ballot, find
from safeconduct.kernel.ids import ActionId, ClaimId
from safeconduct.soc import claim_events
from safeconduct.soc.actions import ending, projections, proposing
from safeconduct.soc.actions.grounds import ActionProposal
from safeconduct.soc.actions.model import Action
from safeconduct.soc.actions.reading import find as find_action
from safeconduct.soc.claim_events import record_claims
from safeconduct.soc.claims import Author, AuthorKind, make_claim
from safeconduct.soc.grounding import Context, Shown, check_all
from safeconduct.soc.predicates import Evidence, Observation
from support.immediate import ImmediateWriter
from support.programs import demo_program, in_force, signed
from support.soc_world import START, TECHNIQUES, Fact, World, event_of, world_of

OPERATION = "POST /test"
BODY = b"{}"
CONTENT = hashlib.sha256(BODY).hexdigest()
ATTACKER = "203.0.113.66"
ELECTORATE = ProgramElectorate()


@dataclass
class Desk:
    """What a test of responses works with: a writer, a world, and a verified claim for each of its addresses."""

    writer: ImmediateWriter
    world: World
    claims: Mapping[str, ClaimId]

    def propose(self, target: str = ATTACKER, *claims: ClaimId, actor: str = "ana", kind: str = "block-ip") -> Action:
        claims = claims or (self.claims.get(target, ClaimId("x")),)
        wanted = ActionProposal(incident=self.world.incident.id, kind=kind, target=target, claims=claims)
        act = signed(actor, OPERATION, BODY, self.writer.now)
        return self.writer.run(
            lambda tx: proposing.propose(tx, act, wanted, self.world.events, operation=OPERATION, content=CONTENT)
        )

    def vote(self, action: ActionId, verdict: Verdict = Verdict.APPROVE, actor: str = "bo") -> Action:
        state = self.writer.state
        draft = find(state, find_action(state, action).approval).digest
        act = signed(actor, OPERATION, ballot(draft, verdict), self.writer.now)
        return self.writer.run(lambda tx: proposing.vote(tx, ELECTORATE, action, verdict, act, operation=OPERATION))

    def run(self, action: ActionId, actor: str = "ana") -> Action:
        act = signed(actor, OPERATION, BODY, self.writer.now)
        return self.writer.run(lambda tx: proposing.run(tx, act, action, operation=OPERATION, content=CONTENT))

    def roll_back(self, action: ActionId, actor: str = "bo") -> Action:
        act = signed(actor, OPERATION, BODY, self.writer.now)
        return self.writer.run(lambda tx: ending.roll_back(tx, act, action, operation=OPERATION, content=CONTENT))

    def expire(self, action: ActionId) -> Action:
        return self.writer.run(lambda tx: ending.expire(tx, action))

    def blocked(self, target: str = ATTACKER, *claims: ClaimId, kind: str = "block-ip") -> Action:
        """Takes a response all the way to the list, or to where its points are told."""
        action = self.propose(target, *claims, kind=kind)
        self.vote(action.id)
        return self.run(action.id)

    def types(self) -> list[str]:
        """Returns the types of the entries that soc appended, in order."""
        return [entry.type for entry in self.writer.entries if entry.type.startswith("soc.action")]


def desk(addresses: tuple[str, ...] = (ATTACKER,), program: bytes | None = None, users: str = "root") -> Desk:
    """Returns a desk with one login from each address."""
    writer = in_force(program or demo_program())
    writer.projections = {**writer.projections, **claim_events.PROJECTIONS, **projections.PROJECTIONS}
    logins = [
        Fact("login", START, "web-01", users, address, 100 + number, 1, f"as {address}", "failed", ("T1110.001",))
        for number, address in enumerate(addresses)
    ]
    world = world_of({event_of(fact).id: fact for fact in logins})
    claims = observed(writer, world)
    return Desk(writer, world, {world.facts[claim.evidence[0].event].address: claim.id for claim in claims})


def observed(
    writer: ImmediateWriter,
    world: World,
    *,
    quote: str = "",
    pointer: str = "/ocsf/src_endpoint/ip",
    model: bool = False,
):
    """Checks and records, for each login, a rule's claim (or a model's) that its source is its address, or `quote`."""
    author = Author(kind=AuthorKind.MODEL if model else AuthorKind.RULE, name="test", version="1")
    claims = [
        make_claim(
            world.incident.id,
            author,
            Observation(field=Evidence(event=id_, pointer=pointer, quote=quote or fact.address)),
        )
        for id_, fact in world.facts.items()
    ]
    context = Context(
        incident=world.incident, events=world.events, shown=Shown.whole(world.events), techniques=TECHNIQUES
    )
    checked = check_all(claims, context)
    origin = writer.entries[-1].origin
    path = "soc-triage" if model else ""
    writer.run(lambda tx: record_claims(tx, origin, world.incident.id, checked, path=path))
    return claims
