"""Triage of one incident: the rules' summary, and beside it what a model claims. The second can't change the first."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from safeconduct.access import acts
from safeconduct.access import records as kept
from safeconduct.access.acts import Capability, authenticate_act
from safeconduct.access.model.parties import Principal
from safeconduct.access.model.paths import SealedPath
from safeconduct.gateway.ports import LOCAL_UPSTREAM
from safeconduct.kernel.entries import Entry
from safeconduct.kernel.errors import AbsentError, InvalidInputError, RefusedError
from safeconduct.kernel.ids import IncidentId, PathId, PrincipalId
from safeconduct.kernel.instants import Instant
from safeconduct.kernel.ports import Records, Transaction
from safeconduct.ledger.acts import SignedAct
from safeconduct.soc.answers.reading import Reading, read_answer
from safeconduct.soc.autonomy.clearing import close_by_verdict, closing_rule
from safeconduct.soc.autonomy.levels import level_of, refuse_stopped
from safeconduct.soc.autonomy.model import Autonomy
from safeconduct.soc.claim_events import record_claims
from safeconduct.soc.grounding import CheckedClaim, Context, Shown, check_all
from safeconduct.soc.hunts.model import Budget as HuntBudget
from safeconduct.soc.incidents.closing import Closed
from safeconduct.soc.ingesting import HOUSE_OWNED
from safeconduct.soc.owners import origin_of
from safeconduct.soc.questions.composing import question
from safeconduct.soc.questions.model import TRIAGE, Budget, ModelAnswer, ModelCaller, Question, Task

PURPOSE = "incident-triage"
"""The purpose of paths that triage uses unless told which."""

WIDE = Budget(
    prompt_tokens_max=4_000,
    answer_tokens_max=1_500,
    chars_per_token=2.5,
    events_max=24,
    fields_max=6,
    grounds_max=12,
    claims={"observations": (1, 12), "counts": (0, 4), "sequences": (0, 6), "relations": (0, 6), "techniques": (0, 6)},
)
"""What a question to any other upstream may take: enough for each kind of alert of a long incident."""


HUNT_BUDGET = HuntBudget(seconds=10.0, scanned=2_000_000)
"""What one hunt of a model, or of a check, may cost: an analyst waits for it. A day of a busy house is less."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """Whom a triage asks, on whose grant, with how much room, and how far the answer may go.

    `clears` is whether its verdict may close the incident.
    """

    path: PathId
    purpose: str
    upstream: str
    principal: PrincipalId
    model: str
    budget: Budget
    autonomy: Autonomy
    clears: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What a model was asked, what it said, and what of that holds. `shown` is what it had in view."""

    asked: Question
    shown: Shown
    answer: ModelAnswer
    reading: Reading
    claims: tuple[CheckedClaim, ...]
    path: PathId


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """The entries of a triage's claims, and the closing that the model's verdict came to, if it did."""

    entries: tuple[Entry, ...]
    closed: Closed | None = None


def admit(records: Records, signed: SignedAct, *, operation: str, content: str, now: Instant) -> Principal:
    """Returns who signed, if they may triage: asked before a model is.

    Raises:
        UnauthenticatedError, RefusedError: as `access.acts`.
    """
    return acts.admit(records, signed, operation=operation, content=content, now=now, capability=Capability.TRIAGE)


def choose(
    records: Records,
    signer: Principal,
    *,
    path: str = "",
    principal: str = "",
    model: str = "",
    owner: str = HOUSE_OWNED,
) -> Asking:
    """Returns whom to ask about an owner's incident. What is not named is chosen where there is one choice.

    The principal is the signer, or a service that the signer answers for: by default the one service of theirs that
    holds a grant on the path.

    Raises:
        AbsentError: `path-unknown`: there is no such path, or none is for triage of this owner's incidents.
        InvalidInputError: `path-unclear`: several are.
        RefusedError: `not-yours`: the principal is neither the signer nor a service of theirs. `telemetry-of-another`:
            the path is for somebody else's incidents. `autonomy-stopped`.
    """
    found = _path(records, path, owner)
    refuse_stopped(records, found.id)
    asking = PrincipalId(principal) if principal else _service(records, signer, found)
    known = records.get(kept.PRINCIPALS, asking)
    if known is None or signer.id not in (known.id, known.sponsor):
        raise RefusedError(
            f"{signer.id} does not answer for {asking}",
            code="not-yours",
            clause=f"principal:{asking}/sponsor",
            remedy="ask as yourself, or as a service whose sponsor you are",
        )
    return Asking(
        path=found.id,
        purpose=found.purpose,
        upstream=found.providers[0].upstream,
        principal=asking,
        model=model or found.models[0],
        budget=_budget(found),
        autonomy=level_of(records, found.id),
        clears=closing_rule(records, found) is not None,
    )


async def ask(
    whole: Context,
    caller: ModelCaller,
    asking: Asking,
    task: Task = TRIAGE,
) -> Answered:
    """Asks a model about an incident and checks what it says. `whole` is the view of rules.

    Raises:
        InvalidInputError: nothing of the incident can be shown.
        SafeconductError: what the gateway answered instead. The summary needs no model and stands alone.
    """
    asked = question(
        whole.incident, whole.events, whole.techniques, model=asking.model, budget=asking.budget, task=task
    )
    answer = await caller.complete(asking.path, asking.purpose, asked.payload)
    reading = read_answer(asked, answer, whole.events)
    shown = replace(asked.shown, clears=asking.clears)
    checked = check_all(reading.claims, replace(whole, shown=shown))
    return Answered(asked=asked, shown=shown, answer=answer, reading=reading, claims=checked, path=asking.path)


def record(
    tx: Transaction,
    signed: SignedAct,
    incident: IncidentId,
    rules: Sequence[CheckedClaim],
    answered: Answered | None,
    *,
    operation: str,
    content: str,
) -> Recorded:
    """Records what became of the rules' claims and, where one answered, of the model's, whose verdict may close it.

    Raises:
        UnauthenticatedError, RefusedError: the signer may not; no agreement is in force.
    """
    signer = authenticate_act(tx, signed, operation=operation, expected_content=content, capability=Capability.TRIAGE)
    origin = origin_of(tx)
    entries = record_claims(tx, origin, incident, rules, signed=signed)
    if answered is None:
        return Recorded(entries=entries)
    entries += record_claims(
        tx,
        origin,
        incident,
        answered.claims,
        call=answered.answer.call,
        path=answered.path,
        prompt=answered.asked.prompt,
        unreadable=answered.reading.unreadable,
        shown=answered.shown,
    )
    closed = close_by_verdict(
        tx, incident, answered.claims, path=answered.path, call=answered.answer.call, by=signer.id
    )
    return Recorded(entries=entries, closed=closed)


def _path(records: Records, wanted: str, owner: str) -> SealedPath:
    return _named_path(records, wanted, owner) if wanted else _usual_path(records, owner)


def _named_path(records: Records, wanted: str, owner: str) -> SealedPath:
    found = records.get(kept.PATHS, wanted)
    if found is None:
        raise AbsentError(f"no path {wanted[:64]!r}", code="path-unknown", remedy="safeconduct path list")
    if found.telemetry_of != owner:
        raise RefusedError(
            f"path {found.id} is for the incidents of {found.telemetry_of or 'the house'}",
            code="telemetry-of-another",
            clause=f"path:{found.id}/telemetry_of",
            remedy="name a path whose telemetry_of is who the incident's telemetry belongs to",
        )
    return found


def _usual_path(records: Records, owner: str) -> SealedPath:
    usual = (path for _, path in records.scan(kept.PATHS) if path.purpose == PURPOSE)
    fitting = [path for path in usual if path.telemetry_of == owner]
    if not fitting:
        raise AbsentError(
            f"no path is for {PURPOSE}", code="path-unknown", remedy="name one, or add one to the program file"
        )
    if len(fitting) > 1:
        names = ", ".join(path.id for path in fitting)
        raise InvalidInputError(f"several paths are for {PURPOSE}: {names}", code="path-unclear", remedy="name one")
    return fitting[0]


def _service(records: Records, signer: Principal, path: SealedPath) -> PrincipalId:
    holders = {grant.principal for grant in kept.grants(records) if grant.path == path.id}
    services = [one.id for _, one in records.scan(kept.PRINCIPALS) if one.sponsor == signer.id and one.id in holders]
    return services[0] if len(services) == 1 else signer.id


def _budget(path: SealedPath) -> Budget:
    budget = Budget() if any(one.upstream == LOCAL_UPSTREAM for one in path.providers) else WIDE
    return replace(budget, answer_tokens_max=min(budget.answer_tokens_max, path.limits.output_tokens))
