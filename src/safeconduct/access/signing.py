"""Agreements as both parties sign them: one digest over all that they say, and one signature of each organization."""

import base64
from typing import Any

import msgspec

from safeconduct.access import records as kept
from safeconduct.access.agreement import Side
from safeconduct.access.model.agreements import Agreement
from safeconduct.kernel.canonical import canonical, digest
from safeconduct.kernel.errors import ConflictError, RefusedError
from safeconduct.kernel.ids import Origin
from safeconduct.kernel.ports import Records
from safeconduct.ledger.keys import PublicKey, SigningKey

_CONTEXT = b"safeconduct/agreement/v1\n"  # keeps it from being read as a signature over anything else


def signed_document(agreement: Agreement) -> dict[str, Any]:
    """Returns what is signed: all that the agreement says, both organizations' keys among it.

    Left out are the signatures, whether one party ended it, the log's name (it follows from the installation's, and the
    log may have a successor), and what is empty: so a key that a later release adds changes no digest of an agreement
    that doesn't use it.
    """
    document = msgspec.json.decode(msgspec.json.encode(agreement))
    left_out = ("signatures", "origin", "terminates_at")
    return {name: value for name, value in document.items() if name not in left_out and value not in (None, {}, [])}


def agreement_digest(agreement: Agreement) -> str:
    """Returns the one digest that both parties sign: SHA-256 of `signed_document` in canonical JSON, as hex."""
    return digest(signed_document(agreement))


def sign_agreement(origin: Origin, agreement: Agreement, key: SigningKey) -> str:
    """Returns a party's signature, in base64. `origin` is the installation's name: elsewhere it is worth nothing."""
    return base64.b64encode(key.sign(_signed_bytes(origin, agreement))).decode()


def has_signed(origin: Origin, agreement: Agreement, side: Side, key: str) -> bool:
    """Tells whether a party's signature is there and is that key's over what the agreement says."""
    signature = agreement.signatures.get(side)
    if signature is None:
        return False
    return PublicKey.parse(key).verifies(base64.b64decode(signature), _signed_bytes(origin, agreement))


def check_agreement(records: Records, origin: Origin, proposed: Agreement) -> None:
    """Returns if an agreement may come into force after what stands: an amendment is the next version, signed by both.

    Each party signs with its key of the version that stands, so that nobody brings a key along and signs with it for
    the other; of the first version with that of the file. What stands already needs no new signature.

    Raises:
        ConflictError: `agreement-version`: other content, and not the next version.
        RefusedError: `agreement-unsigned`, `agreement-signature-invalid`.
    """
    present = kept.latest_agreement(records, proposed.id)
    if present is not None and agreement_digest(present) == agreement_digest(proposed):
        if present.signatures == proposed.signatures:
            return
    elif present is not None and proposed.version != present.version + 1:
        raise ConflictError(
            f"agreement {proposed.id} has version {proposed.version} and another content than version "
            f"{present.version}, which stands; expected version {present.version + 1}",
            code="agreement-version",
            clause=f"agreement:{proposed.id}/version",
            remedy=f"write version: {present.version + 1}, and have both parties sign it: safeconduct agreement sign",
        )
    for side in Side:
        _check_signature(origin, proposed, side, (present or proposed).keys[side])


def _check_signature(origin: Origin, agreement: Agreement, side: Side, key: str) -> None:
    clause, party = f"agreement:{agreement.id}/signatures/{side}", _party(agreement, side)
    remedy = f"safeconduct agreement sign FILE --key KEY, by {party} with its organization's key"
    if side not in agreement.signatures:
        told = f"agreement {agreement.id} version {agreement.version} has no signature of the {side}, {party}"
        raise RefusedError(told, code="agreement-unsigned", clause=clause, remedy=remedy)
    if not has_signed(origin, agreement, side, key):
        told = (
            f"the signature of the {side}, {party}, is not one by key {PublicKey.parse(key).fingerprint} over this "
            f"agreement (version {agreement.version}, digest {agreement_digest(agreement)[:16]}) of {origin}"
        )
        raise RefusedError(told, code="agreement-signature-invalid", clause=clause, remedy=remedy)


def _party(agreement: Agreement, side: Side) -> str:
    return agreement.provider if side is Side.PROVIDER else agreement.partner


def _signed_bytes(origin: Origin, agreement: Agreement) -> bytes:
    return _CONTEXT + canonical({"origin": origin, "digest": agreement_digest(agreement)})
