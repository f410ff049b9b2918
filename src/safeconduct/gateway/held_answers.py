"""Answers that wait for a person: sealed and put to the vote as they end, handed over once to exactly who asked.

The caller is refused with the approval's id, and sends the same request again with it when it was approved: the call is
then decided anew, and this answer goes instead of another. docs/spec/detection.md section 5.
"""

import hmac
from collections.abc import Callable
from dataclasses import dataclass

from safeconduct import approvals
from safeconduct.access import records as kept
from safeconduct.access.acts import recused
from safeconduct.access.detection import FoundKind
from safeconduct.access.humans import accounts_of
from safeconduct.access.opening_events import opened_by
from safeconduct.access.readership import APART, readership_of
from safeconduct.access.reasons import check_reason
from safeconduct.gateway.errors import AnswerHeldError, WithheldError
from safeconduct.gateway.events import ENDED_CALLS
from safeconduct.gateway.held_events import (
    ANSWER,
    ANSWER_HELD,
    ANSWERS_OF,
    BYTES_STEP,
    HELD_ANSWERS,
    HELD_ENTRIES,
    SALT,
    AnswerHeld,
    HeldAnswer,
)
from safeconduct.gateway.holding import held_content
from safeconduct.gateway.moves import End, HoldAnswer
from safeconduct.gateway.prepared import Prepared
from safeconduct.kernel.canonical import JSONValue, digest
from safeconduct.kernel.entries import Retention
from safeconduct.kernel.errors import AbsentError, ConflictError, RefusedError
from safeconduct.kernel.ids import ApprovalId, EntryId, PrincipalId
from safeconduct.kernel.instants import DAY, Instant, rfc3339
from safeconduct.kernel.ports import Records, Transaction
from safeconduct.ledger.acts import SignedAct

SUBJECT = "answer"
"""The key of the program's approvals that says who lets held answers go. Without it they are withheld."""

ANSWER_LIFETIME = DAY
"""How long a held answer may be approved and then fetched: a working day of each party, as an opening."""

HELD_MAX = 16
"""Answers of one principal that wait at once; what is beyond is withheld. Nobody looks through more of them well."""

SALT_BYTES = 32

OpenAnswer = Callable[[str, str], JSONValue]
"""Opens a sealed field of an entry, by their names; raises AbsentError, RefusedError or UnavailableError."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Put:
    """What is put to the vote: the answer of `call`, as the machine has it, and SALT_BYTES that nobody can foresee."""

    call: str
    prepared: Prepared
    holds: HoldAnswer
    salt: bytes


def put_to_vote(tx: Transaction, put: Put) -> AnswerHeldError:
    """Seals an answer and puts it to the vote; returns what its caller is told.

    Raises:
        WithheldError: nobody could let it go: no group is named, the house could not read it, or too many wait.
    """
    prepared, holds, caller = put.prepared, put.holds, put.prepared.principal
    rule = tx.get(kept.APPROVAL_RULES, SUBJECT)
    if rule is None:
        raise WithheldError(f"approvals.{SUBJECT}")
    apart = APART if FoundKind.EXPLOIT in holds.found else ""  # working exploits have readers of their own
    agreement = kept.require_agreement(tx)
    if not all(readership_of(agreement, ANSWER_HELD.name, apart + field).house for field in (ANSWER, SALT)):
        raise WithheldError(f"agreement.fields/{ANSWER_HELD.name}")
    if len(_waiting(tx, caller.id)) >= HELD_MAX:
        raise WithheldError(f"{holds.clause}/waiting")
    commitment = _commitment(put.salt, holds.answer)
    request = _request(prepared)
    proposal = approvals.Proposal(
        kind=SUBJECT,
        content=digest({"call": put.call, "request": request, "answer": commitment}),
        proposer=caller.id,
        groups=rule.groups,
        expires_at=Instant(tx.now + ANSWER_LIFETIME),
        recused=recused(tx, caller.id),
    )
    asked = approvals.propose(tx, prepared.path.origin, proposal)
    event = AnswerHeld(
        approval=asked.id,
        call=put.call,
        content=proposal.content,
        request=request,
        answer_commitment=commitment,
        answer_bytes=-(-len(holds.answer) // BYTES_STEP) * BYTES_STEP,
        clause=holds.clause,
        found=holds.found,
        principal=caller.id,
        organization=caller.organization,
        path=prepared.path.id,
        purpose=prepared.purpose,
        model=prepared.asked.model,
    )
    sealed: dict[str, JSONValue] = {apart + ANSWER: holds.answer.decode(), apart + SALT: put.salt.hex()}
    if holds.received:
        sealed[f"{apart}received"] = holds.received.decode(errors="backslashreplace")
    draft = ANSWER_HELD.draft(event, sealed=sealed, subject=caller.id)
    tx.append(prepared.path.origin, draft._replace(retention=Retention.EXPLOIT) if apart else draft)
    return AnswerHeldError(asked.id, holds.clause, rfc3339(proposal.expires_at))


def to_fetch(records: Records, prepared: Prepared, now: Instant) -> HeldAnswer:
    """Returns the answer that a request with an approval asks for, if it may be handed over.

    Raises:
        AbsentError: `approval-unknown`: there is no such answer, or it is another caller's; the answer is the same.
        RefusedError: `answer-held`: nobody let it go yet. `approval-rejected`. `approved-otherwise`: this is not the
            request that it answered, or the path, grant or session is another now.
        ConflictError: `approval-expired`, `approval-consumed`; `answer-lost`: its call ended in another way.
    """
    approval = ApprovalId(prepared.arrival.approval)
    found = records.get(HELD_ANSWERS, approval)
    if found is None or found.held.principal != prepared.principal.id:
        raise AbsentError(
            f"no answer of yours waits under approval {approval[:64]!r}",
            code="approval-unknown",
            remedy="send the id that you were told when the answer was held, or leave the header out",
        )
    if found.held.request != _request(prepared):
        raise RefusedError(
            f"approval {approval} is of the answer to another request, or its path, grant or session was another",
            code="approved-otherwise",
            clause=f"approval:{approval}",
            remedy="send exactly the bytes, headers and route that the answer was held for",
        )
    ended = records.get(ENDED_CALLS, found.held.call)
    if ended is None or ended.end is not End.HELD:
        text = f"the call of the answer under approval {approval} did not end by its being held"
        raise ConflictError(text, code="answer-lost", remedy="make the call again, without the header")
    _check_approved(found, approvals.find(records, approval), now)
    return found


def _check_approved(found: HeldAnswer, approval: approvals.Approval, now: Instant) -> None:
    expired = now >= approval.proposal.expires_at
    if approval.state in (approvals.State.PROPOSED, approvals.State.APPROVED) and expired:
        raise _over(approval, approvals.State.EXPIRED)
    if approval.state is approvals.State.PROPOSED:
        raise AnswerHeldError(approval.id, found.held.clause, rfc3339(approval.proposal.expires_at))
    if approval.state is approvals.State.REJECTED:
        raise RefusedError(
            f"a person refused to let the answer under approval {approval.id} go",
            code="approval-rejected",
            clause=f"approval:{approval.id}",
            remedy="ask for something else, or ask the people who answer for the path; the log has the reason",
        )
    if approval.state is not approvals.State.APPROVED:
        raise _over(approval, approval.state)


def _over(approval: approvals.Approval, state: approvals.State) -> ConflictError:
    until = rfc3339(approval.proposal.expires_at)
    return ConflictError(
        f"approval {approval.id} is {state}: its answer is handed over once, before {until}",
        code=f"approval-{state}",
        remedy="make the call again, without the header",
    )


def opened_answer(open_answer: OpenAnswer, found: HeldAnswer) -> bytes:
    """Returns a held answer's bytes.

    Raises:
        AbsentError: `destroyed`.
        RefusedError, UnavailableError: it can't be opened, or is not the one that was held (`answer-lost`).
    """
    if not found.held.answer_commitment:
        raise ConflictError(
            f"entry {found.entry} is of an earlier build, which told a digest of the answer that can be guessed",
            code="answer-lost",
            remedy="make the call again, without the header",
        )
    answer = str(open_answer(found.entry, found.sealed_as)).encode()
    salt = bytes.fromhex(str(open_answer(found.entry, found.salted_as)))
    if _commitment(salt, answer) != found.held.answer_commitment:
        raise ConflictError(f"what entry {found.entry} seals is not what was held", code="answer-lost")
    return answer


def vote_on_answer(
    tx: Transaction,
    electorate: approvals.Electorate,
    approval_id: ApprovalId,
    verdict: approvals.Verdict,
    signed: SignedAct,
    *,
    operation: str,
    reason: str,
) -> approvals.Approval:
    """Casts a vote on a held answer. Who lets it go has opened it, which is an entry from before they saw it.

    Raises:
        AbsentError: `approval-unknown`: there is none, or it is of something else.
        InvalidInputError: `reason-missing`.
        RefusedError: `not-looked-at`.
        SafeconductError: as `approvals.vote`.
    """
    found = tx.get(HELD_ANSWERS, approval_id)
    if found is None:
        raise AbsentError(f"no approval {approval_id!r} of an answer", code="approval-unknown")
    voted = approvals.vote(tx, electorate, approval_id, verdict, signed, operation=operation, reason=reason)
    check_reason(reason, "a vote on an answer")
    voter = signed.act.actor
    if verdict is approvals.Verdict.APPROVE and not opened_by(tx, EntryId(found.entry), found.sealed_as, voter):
        raise RefusedError(
            f"{voter} has not looked at the answer under approval {approval_id}",
            code="not-looked-at",
            clause=f"approvals.{SUBJECT}",
            remedy=f"safeconduct call look {approval_id} --reason TEXT",
        )
    return voted


def refuse_own_answer(records: Records, entry: str, person: str) -> None:
    """Returns if a person may open what an entry seals: nobody opens an answer that was held from them.

    Raises:
        RefusedError: `own-answer`: they asked for it, or answer for the service that did, by whatever account.
    """
    held = records.get(HELD_ENTRIES, entry)
    if held is None:
        return
    proposal = approvals.find(records, held.approval).proposal
    if not accounts_of(records, PrincipalId(person)).isdisjoint((proposal.proposer, *proposal.recused)):
        raise RefusedError(
            f"the answer of entry {entry} is held from {person}; another person looks at it",
            code="own-answer",
            clause=f"approval:{held.approval}",
            remedy="once it is approved, fetch it with the request that it answers",
        )


def is_answer(records: Records, approval: str) -> bool:
    """Tells whether an approval is of a held answer."""
    return records.get(HELD_ANSWERS, approval) is not None


def held_answers(records: Records) -> list[HeldAnswer]:
    """Returns the answers that were put to the vote, oldest first."""
    return sorted((one for _, one in records.scan(HELD_ANSWERS)), key=lambda one: one.entry)


def _commitment(salt: bytes, answer: bytes) -> str:
    return hmac.digest(salt, answer, "sha256").hex()


def _waiting(records: Records, principal: str) -> list[ApprovalId]:
    known = records.get(ANSWERS_OF, principal)
    found = (approvals.find(records, one) for one in (known.approvals if known else ()))
    return [one.id for one in found if one.state is approvals.State.PROPOSED]


def _request(prepared: Prepared) -> str:
    """Returns the digest of exactly the request that an answer answers, and of the session that it is in."""
    return digest({"call": held_content(prepared), "session": prepared.arrival.session})
