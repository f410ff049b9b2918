"""`safeconduct log acts`: who signed what stands in a copy of a log, with public keys alone."""

from pathlib import Path
from typing import Annotated, Any

import typer

from safeconduct.access.attested_acts import ActJudge, JudgedAct
from safeconduct.cli.output import NO, Json, emit, out
from safeconduct.cli.verify import LogKey, NoQuorum, PolicyFile, WitnessKeys, checked_copy, content_of, trusted
from safeconduct.ledger.envelope import read_entry
from safeconduct.ledger.keys import PublicKey

Signers = Annotated[
    list[str] | None, typer.Option("--signer", help="A person's public key that the log does not state; repeatable.")
]


def acts(
    copy: Annotated[Path, typer.Argument(metavar="DIR", help="A mirror or an export.")],
    *,
    log_key: LogKey = "",
    witness: WitnessKeys = None,
    policy: PolicyFile = None,
    no_quorum: NoQuorum = False,
    signer: Signers = None,
    as_json: Json = False,
) -> None:
    """Verifies who signed the acts in a copy, offline: by the keys and passkeys that the log itself states."""
    trust = trusted(log_key, witness, policy, lambda: content_of(copy), vacuous=no_quorum)
    log = checked_copy(copy, trust)
    judge = ActJudge(PublicKey.parse(text) for text in signer or [])
    found = list(judge.judged(read_entry(one.leaf, one.origin, one.index) for one in log.leaves(0)))
    document = {
        "acts": len(found),
        "keys": sum(one.known and not one.passkey and not one.problem for one in found),
        "passkeys": sum(one.passkey and not one.problem for one in found),
        "unknown": [_shown(one) for one in found if not one.known],
        "problems": [_shown(one) for one in found if one.problem],
    }
    emit(document, as_json, _show)
    if document["problems"]:
        raise typer.Exit(NO)


def _shown(one: JudgedAct) -> dict[str, Any]:
    return {"entry": one.entry.id, "type": one.entry.type, "actor": one.actor, "problem": one.problem}


def _show(document: dict[str, Any]) -> None:
    signed = f"{document['keys']} signed by keys, {document['passkeys']} by passkeys"
    out.print(f"{document['acts']} acts: {signed}, {len(document['unknown'])} by keys that this log does not state")
    for one in document["problems"]:
        out.print(f"  {one['entry']} {one['type']} of {one['actor']}: {one['problem']}", markup=False)
