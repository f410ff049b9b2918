"""The demo's program with keys that every test knows, and acts signed with them."""

import hashlib
from collections.abc import Iterator
from functools import cache

from safeconduct.access.cosigning import complete_cosign
from safeconduct.access.events import PROJECTIONS as ACCESS
from safeconduct.access.passkey_events import counted
from safeconduct.access.program import parse_program
from safeconduct.access.programs import apply
from safeconduct.access.records import latest_agreement
from safeconduct.access.signing import agreement_digest
from safeconduct.approvals.events import PROJECTIONS as APPROVALS
from safeconduct.cli.demo.program import Parties, render
from safeconduct.http.acts import content_of
from safeconduct.kernel.ids import Origin
from safeconduct.kernel.instants import Instant, rfc3339
from safeconduct.kernel.ports import Records
from safeconduct.ledger.acts import Act, SignedAct, sign_act
from safeconduct.ledger.checkpoints import Checkpoint
from safeconduct.ledger.keys import SecretKey
from safeconduct.ledger.notes import Cosigner, Note
from safeconduct.ledger.wrapping import ReaderSecret
from safeconduct.program.events import PROJECTIONS as PROGRAM
from safeconduct.program.signed_file import with_signature
from support.immediate import START, ImmediateWriter

APPLY = "POST /api/v1/program"

NAMES = ("meridian", "northwind", "ana", "bo", "ops")
KEYS = {name: SecretKey(hashlib.sha256(name.encode()).digest()) for name in (*NAMES, "stranger")}
READER_KEYS = {"meridian_reader_key": ReaderSecret(hashlib.sha256(b"reader provider").digest()).public.text}
WITNESS = Cosigner("northwind.example/witness", SecretKey(hashlib.sha256(b"witness").digest()))


EU = ("acme", "eu-west", "none")


def program_with(stated, providers, *, regions=(), retention=()):
    """Returns the demo's program with these providers; `stated` has vendor, region and retention by name."""
    lines = [f"  {name}: {{vendor: {v}, region: {r}, retention: {t}}}" for name, (v, r, t) in stated.items()]
    section = "upstreams:\n" + "\n".join(lines) + "\n\npaths:\n" if lines else "paths:\n"
    keys = f"    providers: [{', '.join(providers)}]\n"
    keys += f"    regions: [{', '.join(regions)}]\n" if regions else ""
    keys += f"    retention: [{', '.join(retention)}]\n" if retention else ""
    return demo_program().decode().replace("paths:\n", section, 1).replace("    upstream: local\n", keys).encode()


@cache
def demo_program() -> bytes:
    """Returns the demo's program file, signed by both organizations."""
    keys = {f"{name}_key": KEYS[name].public.text for name in NAMES} | READER_KEYS
    return signed_by_both(render(Parties(**keys, witness_key=WITNESS.verifier.text, witness_url="http://127.0.0.1:1/")))


def signed_by_both(source: bytes) -> bytes:
    """Returns a program of the demo's parties with both organizations' signatures over its agreement as it stands."""
    for party in ("meridian", "northwind"):
        source = with_signature(source, KEYS[party])
    return source


def amending(records: Records, source: bytes) -> bytes:
    """Returns a program whose agreement has the version that may follow now, signed by both organizations."""
    proposed, present = parse_program(source).agreement, latest_agreement(records, "ag-2026-01")
    if present is not None and agreement_digest(proposed) != agreement_digest(present):
        source = source.replace(b"\n  version: %d\n" % proposed.version, b"\n  version: %d\n" % (present.version + 1))
    return signed_by_both(source)


def signed(
    actor: str, operation: str, body: bytes, now: Instant, *, nonce: str = "", key: str = "", query: str = ""
) -> SignedAct:
    """Returns an act of one of NAMES over a request. The nonce is new for each body unless given."""
    nonce = nonce or next(_NONCES)
    content = content_of(body, query)
    act = Act(actor=actor, operation=operation, content=content, at=rfc3339(now), nonce=nonce)
    return sign_act(act, KEYS[key or actor])


def cosigned(origin: str, size: int, *, witness: Cosigner = WITNESS) -> str:
    """Returns a checkpoint of a log, cosigned. Its root is made up: access does not look at it."""
    text = Checkpoint(Origin(origin), size, bytes(32)).text
    return Note(text, (witness.cosign(text, 1),)).encoded


def in_force(source: bytes | None = None, *, now: Instant = START) -> ImmediateWriter:
    """Returns a writer in whose state the program (by default the demo's) was applied and cosigned."""
    writer = ImmediateWriter(counted({**ACCESS, **APPROVALS, **PROGRAM}), now)
    bring_into_force(writer, source or demo_program())
    return writer


def bring_into_force(writer: ImmediateWriter, source: bytes) -> None:
    """Applies a program as ops and has the witness cosign it. An agreement that differs is the next version."""
    source = amending(writer.state, source)
    program = parse_program(source)
    act = signed("ops", APPLY, source, writer.now)
    content = act.act.content
    applied = writer.run(lambda tx: apply(tx, program, act, operation=APPLY, content=content))
    if applied.request is not None:
        request = writer.entries[-1]
        place = writer.place(request.id)
        note = cosigned(request.origin, place + 1)
        writer.run(lambda tx: complete_cosign(tx, request.id, note, index=place))


def _count() -> Iterator[str]:
    number = 0
    while True:
        number += 1
        yield f"{number:032x}"


_NONCES = _count()
