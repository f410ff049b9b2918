"""What an executor asks: the decision on a call that it is about to run, its use, and how the run ended."""

import asyncio

import msgspec
from fastapi import APIRouter, Response

from safeconduct.access.acts import Capability, admit
from safeconduct.access.log_keys import check_open
from safeconduct.boundary.deciding import (
    announce,
    end,
    find,
    key_of,
    note_misuse,
    own,
    rotate,
    token_of,
    use,
)
from safeconduct.boundary.decision_events import DECISION_KEYS, DecidedCall, RunEnd
from safeconduct.boundary.decisions import Attempt, check_tool_name, signed_token
from safeconduct.gateway.moves import CutWhy
from safeconduct.http.control.asking import Reading
from safeconduct.http.control.bodies import CallerJson, SignedJson
from safeconduct.http.control.context import Control, Installation
from safeconduct.http.control.frame import answer, commit
from safeconduct.kernel.errors import InvalidInputError, RefusedError, SafeconductError, UnavailableError
from safeconduct.kernel.ids import Origin
from safeconduct.kernel.instants import rfc3339
from safeconduct.ledger.notes import VerifierKey
from safeconduct.runtime.freeze import fallen

router = APIRouter(prefix="/api/v1/tool-decisions", tags=["tool decisions"])


def key_name(origin: Origin) -> Origin:
    """Returns the name of the keys that sign decisions on a log's calls."""
    return Origin(f"{origin}/decisions")


SESSION_CHARS_MAX = 256
"""Characters of a session's name, as calls take them."""


class Sought(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is about to be run: in which session, which tool, and the SHA-256 of its arguments' canonical JSON."""

    tool: str
    arguments_sha256: str
    session: str = ""


class Used(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which decision is about to be carried out."""

    decision: str


class Ended(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the run of a decision ended, and the SHA-256 of what the tool answered; empty where that is unknown."""

    decision: str
    end: RunEnd
    result_sha256: str = ""


class Rotate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The log whose decisions are to be signed by another key."""

    origin: str


@router.get("/keys")
def list_keys(_reader: Reading, control: Installation) -> Response:
    """Returns the keys that sign decisions now, by log, each with the entry that announced it: for executors to pin."""
    with control.snapshot() as records:
        return answer([{"origin": one, "key": key.key, "entry": key.entry} for one, key in records.scan(DECISION_KEYS)])


@router.post("/find")
async def find_decision(asked: CallerJson[Sought], control: Installation) -> Response:
    """Returns the signed token of the caller's decision on exactly this tool call. Uses nothing up."""
    sought = asked.body
    check_tool_name(sought.tool)
    if len(sought.session) > SESSION_CHARS_MAX:
        raise InvalidInputError(f"a session's name has at most {SESSION_CHARS_MAX} characters")
    attempt = Attempt(
        principal=asked.principal,
        session=sought.session,
        tool=sought.tool,
        arguments_sha256=sought.arguments_sha256,
    )
    with control.snapshot() as records:
        found = find(records, attempt, control.clock.now())
    await _check_standing(control, found, asked.token)
    token = token_of(found, attempt)
    key = await _key(control, found.origin)
    signed = await asyncio.to_thread(lambda: signed_token(token, control.decision_keys.of(key)))
    return answer({"decision": token.id, "token": signed, "expires_at": rfc3339(token.expires_at)})


@router.post("/use")
async def use_decision(asked: CallerJson[Used], control: Installation) -> Response:
    """Uses a decision up. Only when this answers may the tool be run; a second time is refused and on record."""
    decision, principal = asked.body.decision, asked.principal
    try:
        with control.snapshot() as records:
            found = own(records, decision, principal)
        await _check_standing(control, found, asked.token)
        committed = await commit(control.writer, lambda tx: use(tx, decision, principal=principal))
    except UnavailableError:  # nobody said that it may not be run
        raise
    except SafeconductError as error:
        misused = error
        await commit(control.writer, lambda tx: note_misuse(tx, decision, principal=principal, error=misused))
        raise
    return answer(_document(committed.value))


@router.post("/end")
async def end_decision(asked: CallerJson[Ended], control: Installation) -> Response:
    """Records how a run ended. Its decision was used before; the end stands."""
    said, principal = asked.body, asked.principal
    committed = await commit(
        control.writer,
        lambda tx: end(tx, said.decision, principal=principal, how=said.end, result_sha256=said.result_sha256),
    )
    return answer(_document(committed.value))


@router.post("/rotate-key")
async def rotate_key(signed: SignedJson[Rotate], control: Installation) -> Response:
    """Has another key sign decisions on a log's calls. Executors pin it beside the former one first."""
    origin = Origin(signed.body.origin)
    with control.snapshot() as records:
        admit(
            records,
            signed.act,
            operation=signed.operation,
            content=signed.content,
            now=control.clock.now(),
            capability=Capability.ROTATE_LOG_KEY,
        )
        check_open(records, origin)
    made = await asyncio.to_thread(control.decision_keys.make_next, key_name(origin))
    committed = await commit(
        control.writer,
        lambda tx: rotate(tx, signed.act, origin, made.verifier, operation=signed.operation, content=signed.content),
    )
    return answer({"origin": origin, "key": made.verifier.text, "entry": committed.value})


async def _key(control: Control, origin: Origin) -> VerifierKey:
    """Returns the key that signs now; the first one is made, and announced before anything is signed with it."""
    with control.snapshot() as records:
        known = key_of(records, origin)
    if known is not None:
        return known
    first = await asyncio.to_thread(control.decision_keys.signer, key_name(origin))
    return (await commit(control.writer, lambda tx: announce(tx, origin, first.verifier))).value


async def _check_standing(control: Control, found: DecidedCall, token: str) -> None:
    """Returns if nothing that stops a running call stops this one: what was allowed may be frozen or revoked since."""
    lost = await control.in_force.passed(lambda standing: fallen(standing, found.facts, token), _stops)
    if lost is not None:
        why, clause = lost
        code = "frozen" if why is CutWhy.FREEZE else "revoked"
        raise RefusedError("what allowed this call does not hold any more", code=code, clause=clause)


def _stops(lost: object) -> bool:
    return lost is not None


def _document(found: DecidedCall) -> dict[str, str]:
    return {"decision": found.decided.id, "call": found.call, "stage": found.stage, "end": found.end or ""}
