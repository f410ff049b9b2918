"""`safeconduct log verify`: offline, with public keys alone; and whom the partner's tools trust."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from safeconduct.adapters.files import read_file
from safeconduct.adapters.folder import read_folder
from safeconduct.cli.client import Data, client
from safeconduct.cli.output import NO, Json, emit, out
from safeconduct.kernel.errors import InvalidInputError, UnavailableError
from safeconduct.kernel.ids import Origin
from safeconduct.kernel.instants import rfc3339
from safeconduct.ledger.audit import Finding
from safeconduct.ledger.disclosures import DISCLOSURE_BYTES_MAX, evidence_in, is_disclosure, verify_disclosure
from safeconduct.ledger.evidence import HEADER as EVIDENCE
from safeconduct.ledger.evidence import parse_evidence
from safeconduct.ledger.export import following, verify_files
from safeconduct.ledger.notes import VerifierKey
from safeconduct.ledger.proofs import HEADER as PROOF
from safeconduct.ledger.proofs import PROOF_FILE_BYTES_MAX, ProvenEntry, follow, verify_proof
from safeconduct.ledger.quorums import POLICY_BYTES_MAX, KnownLog, parse_policy
from safeconduct.ledger.tiled import TiledLog
from safeconduct.ledger.tiles import CHECKPOINT_PATH
from safeconduct.ledger.trust import Trust, by_policy

LogKey = Annotated[str, typer.Option("--key", help="The log's public key: <name>+<hex>+<base64>, or a file with it.")]
WitnessKeys = Annotated[list[str] | None, typer.Option("--witness", help="A witness's public key; may be repeated.")]
PolicyFile = Annotated[Path | None, typer.Option("--policy", help="A tlog-policy file: logs, witnesses, quorum.")]
Rotations = Annotated[
    list[Path] | None, typer.Option("--rotation", help="Evidence of a rotation of the log's key; may be repeated.")
]
NoQuorum = Annotated[bool, typer.Option("--no-quorum", help="Take a policy that asks for no cosignature.")]


def verify(
    target: Annotated[
        Path | None,
        typer.Argument(
            metavar="[DIR|FILE]", help="An export, a mirror, a .tlog-proof, .evidence or a disclosure; default: --data."
        ),
    ] = None,
    *,
    key: LogKey = "",
    witness: WitnessKeys = None,
    policy: PolicyFile = None,
    no_quorum: NoQuorum = False,
    rotation: Rotations = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Verifies a log: offline with public keys alone, or without a folder the installation's own logs in place."""
    if target is None:
        document = client(data).get("/api/v1/logs/verify")
        emit(document, as_json, _show_checked)
        good = all(log["verified"] for log in document)
    else:
        trust = trusted(key, witness, policy, lambda: content_of(target), vacuous=no_quorum)
        trust = followed(trust, rotation)
        document = _verify_folder(target, trust) if target.is_dir() else _verify_file(target, trust)
        emit(document, as_json, _show_verified)
        good = document["verified"]
    if not good:
        raise typer.Exit(NO)


def trusted(
    key: str, witnesses: list[str] | None, policy: Path | None, content: Callable[[], bytes], *, vacuous: bool
) -> Trust:
    """Returns whom to trust of the log that `content` names: by a policy file, or by keys.

    Raises:
        InvalidInputError: there is neither, or both name witnesses.
        PolicyError: the policy is malformed, does not know the log, or asks for nothing and `vacuous` is not set.
    """
    if policy is not None and witnesses:
        raise InvalidInputError("a policy names the witnesses itself: pass --policy or --witness", code="usage")
    if policy is not None:
        known = parse_policy(read_file(policy, POLICY_BYTES_MAX))
        if not key:
            return by_policy(known, _claimed(content()), vacuous=vacuous)
        given = public_key(key)
        others = [log for log in known.logs if log.key != given]
        return by_policy(replace(known, logs=(KnownLog(given, ""), *others)), Origin(given.name), vacuous=vacuous)
    if not key:
        raise InvalidInputError(
            "verifying needs the log's public key, from somewhere else than the copy that is verified",
            code="key-missing",
            remedy="pass the key or --policy FILE; the log's keeper shows it with: safeconduct log show",
        )
    return Trust(log=public_key(key), witnesses=tuple(public_key(text) for text in witnesses or []))


def followed(trust: Trust, rotations: list[Path] | None) -> Trust:
    """Returns the trust with the rotations of the log's key whose evidence the files are.

    Raises:
        InvalidInputError: one is no evidence of a rotation, or does not begin with a known key.
    """
    for file in rotations or []:
        trust = follow(read_file(file, PROOF_FILE_BYTES_MAX), trust)
    return trust


def public_key(text: str) -> VerifierKey:
    """Reads a public key, or the file that holds it.

    Raises:
        InvalidInputError: it is none.
    """
    if "+" not in text and Path(text).is_file():
        text = Path(text).read_text(encoding="utf-8", errors="replace")
    return VerifierKey.parse(text)


def _claimed(content: bytes) -> Origin:
    """Returns the log that a checkpoint, or a file with one after its first empty line, says it is of.

    It only chooses among the keys of a policy; nothing is believed of it before one of them verified it.
    """
    head, _gap, rest = content.partition(b"\n\n")
    first = head.partition(b"\n")[0]
    named = rest if first.decode("utf-8", "replace") in {PROOF, EVIDENCE} else first
    return Origin(named.partition(b"\n")[0].decode("utf-8", "replace"))


def content_of(target: Path) -> bytes:
    """Returns a file's evidence, or the checkpoint of a folder: enough to tell which log it is of.

    Raises:
        InvalidInputError: it can't be read.
    """
    file = target / CHECKPOINT_PATH if target.is_dir() else target
    return evidence_in(read_file(file, DISCLOSURE_BYTES_MAX))


def checked_copy(copy: Path, trust: Trust) -> TiledLog:
    """Returns the log that a mirror or an export holds, checked.

    Raises:
        UnavailableError: `mirror-damaged`.
    """
    read, paths = read_folder(copy)
    found = verify_files(read, paths, trust)
    if found.findings:
        raise UnavailableError(f"the copy is damaged: {found.findings[0].text}", code="mirror-damaged")
    return TiledLog(read, following(read, paths, trust))


def _verify_folder(folder: Path, trust: Trust) -> dict[str, Any]:
    read, paths = read_folder(folder)
    found = verify_files(read, paths, trust)
    return {
        "verified": not found.findings,
        "origin": found.origin,
        "size": found.size,
        "root": found.root.hex(),
        "cosigned_by": found.cosigned_by,
        "findings": [_finding(finding) for finding in found.findings],
    }


def _verify_file(file: Path, trust: Trust) -> dict[str, Any]:
    content = read_file(file, DISCLOSURE_BYTES_MAX)
    if content.startswith(f"{EVIDENCE}\n".encode()):
        return _verify_evidence(content, trust)
    if not is_disclosure(content):
        return _proven(verify_proof(content, trust))
    disclosed = verify_disclosure(content, trust)
    return _proven(disclosed.proven) | {"disclosed": {disclosed.field: disclosed.value}}


def _proven(proven: ProvenEntry) -> dict[str, Any]:
    said, entry = proven.checkpoint.checkpoint, proven.entry
    return {
        "verified": True,
        "origin": said.origin,
        "size": said.size,
        "root": said.root.hex(),
        "cosigned_by": proven.cosigned_by,
        "findings": [],
        "entry": {
            "id": entry.id,
            "index": entry.index,
            "at": rfc3339(entry.at),
            "type": entry.type,
            "body": entry.body,
        },
    }


def _verify_evidence(content: bytes, trust: Trust) -> dict[str, Any]:
    evidence = parse_evidence(content, *trust.logs)
    held, shown = evidence.held.checkpoint, evidence.shown.checkpoint
    return {
        "verified": evidence.proven,
        "origin": held.origin,
        "size": held.size,
        "root": held.root.hex(),
        "cosigned_by": [key.name for key in trust.witnesses if evidence.held.note.names(key)],
        "findings": [],
        "shows": {"claim": evidence.claim, "text": evidence.text, "size": shown.size, "root": shown.root.hex()},
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "what": finding.what,
        "place": finding.place,
        "index": finding.index,
        "entry": finding.entry_id,
        "code": finding.code,
        "text": finding.text,
    }


def _show_checked(document: list[dict[str, Any]]) -> None:
    if not document:
        out.print("no log has entries yet")
    for log in document:
        out.print(f"{log['origin']}  {log['size']} entries  {_state(log['verified'])}", markup=False)
        for finding in log["findings"]:
            entry = "" if finding["index"] is None else f" entry {finding['index']} {finding['entry_id']}"
            out.print(f"  {finding['place']}{entry}: {finding['what']}", markup=False)


def _show_verified(document: dict[str, Any]) -> None:
    if "shows" in document:
        word = "PROVEN" if document["verified"] else "not proven by itself"
        out.print(f"{word}: {document['shows']['text']}", markup=False)
        return
    out.print(f"{document['origin']}  {document['size']} entries  {_state(document['verified'])}", markup=False)
    if "entry" in document:
        entry = document["entry"]
        out.print(f"  entry {entry['index']} {entry['id']}  {entry['at']}  {entry['type']}", markup=False)
    for name, value in document.get("disclosed", {}).items():
        out.print(f"  it committed to {name}: {value}", markup=False)
    out.print(f"  cosigned by: {', '.join(document['cosigned_by']) or 'nobody known'}", markup=False)
    for finding in document["findings"]:
        out.print(f"  {finding['text']}", markup=False)


def _state(good: bool) -> str:  # noqa: FBT001 - the word for a flag
    return "verified" if good else "DAMAGED"
