"""A turn's decided tool calls, as the gateway leaves them for an executor to find."""

from safeconduct.access.model.calls import CallFacts
from safeconduct.boundary.decision_events import TURN_DECIDED, Answer, Decided, TurnDecided
from safeconduct.boundary.decisions import DECISION_LIFETIME, attempt_of, decision_id

POLICY = "2b" * 32
CALL = "01JD0000000000000000000000"
SESSION = "incident-7"


def attempt(tool="get_current_time", arguments=None, *, principal="triage-agent", session=SESSION):
    given = {"timezone": "UTC"} if arguments is None else arguments
    return attempt_of(principal=principal, session=session, tool=tool, arguments=given)


def decided(made, tool_call="t1", *, call=CALL, now=0, answer=Answer.ALLOW, lifetime=DECISION_LIFETIME, **more):
    return Decided(
        id=decision_id(call, tool_call),
        tool_call=tool_call,
        tool=made.tool,
        sought=made.sought,
        labels_sha256="1a" * 32,
        answer=answer,
        expires_at=now + lifetime,
        **more,
    )


FACTS = CallFacts(
    principal="triage-agent", organization="northwind", path="soc-triage", grant="g1", agreement="northwind-house"
)


def turn(*ones, call=CALL, facts=FACTS, approval=""):
    """Returns what makes a command that appends the turn's entry to a log."""
    event = TurnDecided(call=call, facts=facts, policy_version=POLICY, decided=ones, approval=approval)
    return lambda origin: lambda tx: tx.append(origin, TURN_DECIDED.draft(event, subject=facts.principal))
