"""The entry's envelope: canonical leaf bytes, commitments to sealed fields, and the sealed blobs beside the log.

A leaf names each sealed field twice: by a salted commitment to its value, which an opening proves, and by the digest
of the stored blob, so that a damaged blob is found without any key. It also says under which data key the blob is, and
who may read it. docs/spec/log.md section 2 is the definition.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from safeconduct.kernel.canonical import JSONValue, canonical
from safeconduct.kernel.entries import Draft, Entry, Reader, Retention
from safeconduct.kernel.errors import InvalidInputError, UnavailableError
from safeconduct.kernel.ids import EntryId, Origin
from safeconduct.kernel.instants import Instant, parse_rfc3339, rfc3339
from safeconduct.kernel.ports import Entropy
from safeconduct.ledger.bodies import encoded_body, encoded_value
from safeconduct.ledger.sealing import DataKey
from safeconduct.ledger.tiles import LEAF_BYTES_MAX

VERSION = 1
SALT_BYTES = 32
NONCE_BYTES = 12
SEALED_BYTES_MAX = 8 * 1024 * 1024  # one sealed value; a request body is at most 4 MiB, its JSON form twice that
_FIELD = re.compile(r"[a-z][a-z0-9_]{0,63}")  # also a file name in an export
_COMMITMENT = b"safeconduct/commitment/v1\n"
_SEALED = b"safeconduct/sealed/v1\n"


class SealedField(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a leaf says of a sealed field.

    `blob` is the SHA-256 of its stored blob, `commitment` that to its value, both in hex; `key` is its data key's id.
    """

    blob: str
    commitment: str
    key: str
    readers: tuple[Reader, ...]


class Leaf(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a leaf holds. `subject` names whose data keys seal the fields; it is absent where none is sealed."""

    v: int
    id: str
    at: str
    type: str
    retention: Retention
    body: dict[str, Any]
    act: dict[str, Any] | None = None
    subject: str | None = None
    sealed: dict[str, SealedField] = {}


class Sealed(msgspec.Struct, frozen=True, kw_only=True):
    """An entry's sealed fields: what the leaf says of each, in its canonical bytes, and the blobs to store."""

    said: bytes = b"{}"
    blobs: Mapping[str, bytes] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """What shows that a commitment is to this value. Handing it to someone discloses this one field."""

    entry_id: EntryId
    field: str
    salt: bytes
    value: JSONValue


NOTHING_SEALED = Sealed()

# The entries of a batch share their instant.
_rfc3339 = lru_cache(maxsize=16)(rfc3339)
_parse_rfc3339 = lru_cache(maxsize=16)(parse_rfc3339)


def write_entry(draft: Draft, entry_id: EntryId, origin: Origin, at: Instant, sealed: Sealed) -> tuple[bytes, Entry]:
    """Returns the canonical bytes of an entry, and the entry as `read_entry` reads it from them.

    Raises:
        InvalidInputError: they are over the leaf limit, or the body has no canonical form.
    """
    body, act = encoded_body(draft.body), None if draft.act is None else encoded_value(draft.act)
    leaf = _LEAF % (
        b"" if act is None else b'"act":%b,' % act,
        _rfc3339(at).encode(),
        body.encoded,
        entry_id.encode(),
        draft.retention.encode(),
        b',"sealed":%b,"subject":%b' % (sealed.said, encoded_value(draft.subject)) if sealed.blobs else b"",
        _type(draft.type),
    )
    if len(leaf) > LEAF_BYTES_MAX:
        raise InvalidInputError(
            f"an entry has at most {LEAF_BYTES_MAX} bytes, this {draft.type} has {len(leaf)}",
            code="entry-too-large",
            remedy="put large values into sealed fields",
        )
    said = None if act is None else msgspec.json.decode(act)
    return leaf, Entry(entry_id, origin, at, draft.type, body, said)


_LEAF = b'{%%b"at":"%%b","body":%%b,"id":"%%b","retention":"%%b"%%b,"type":%%b,"v":%d}' % VERSION
"""An entry's members in canonical order."""

_type = lru_cache(maxsize=256)(encoded_value)
_leaves = msgspec.json.Decoder(Leaf)


def decode_leaf(leaf: bytes) -> Leaf:
    """Reads a leaf.

    Raises:
        UnavailableError: it is damaged, or from a newer release.
    """
    try:
        decoded = _leaves.decode(leaf)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise UnavailableError(f"a stored entry can't be read: {error}", code="entry-unreadable") from error
    if decoded.v != VERSION:
        raise UnavailableError(f"expected an envelope of version {VERSION}, got {decoded.v}", code="entry-unreadable")
    return decoded


def read_entry(leaf: bytes, origin: Origin, index: int | None = None) -> Entry:
    """Returns the entry that a leaf carries; without an index, as projections see it.

    Raises:
        UnavailableError: it is damaged, or from a newer release.
    """
    decoded = decode_leaf(leaf)
    try:
        at = _parse_rfc3339(decoded.at)
    except InvalidInputError as error:
        raise UnavailableError(f"a stored entry can't be read: {error}", code="entry-unreadable") from error
    return Entry(
        id=EntryId(decoded.id),
        origin=origin,
        index=index,
        at=at,
        type=decoded.type,
        body=decoded.body,
        act=decoded.act,
    )


def seal(draft: Draft, entry_id: EntryId, keys: Mapping[str, DataKey], entropy: Entropy) -> Sealed:
    """Returns the sealed fields of a draft, each under its key.

    Raises:
        InvalidInputError: a field's name or size is out of bounds, or its value has no canonical form.
    """
    said, blobs = [], {}
    for name in sorted(draft.sealed):
        named, plain, key = _named(name), _plain(name, draft.sealed[name]), keys[name]
        salt, nonce = entropy(SALT_BYTES), entropy(NONCE_BYTES)
        blobs[name] = blob = nonce + key.cipher.encrypt(nonce, salt + plain, _bound(entry_id, name))
        digest, commitment = hashlib.sha256(blob).hexdigest(), _commitment(salt, name, plain)
        said.append(_SAID % (named, digest.encode(), commitment.encode(), key.id.encode(), key.said_readers))
    return Sealed(said=b"{%b}" % b",".join(said), blobs=blobs)


_SAID = b'"%b":{"blob":"%b","commitment":"%b","key":"%b","readers":%b}'
"""What a leaf says of a sealed field, canonical: none of it needs an escape."""


@lru_cache(maxsize=256)  # an installation has some twenty
def _named(name: str) -> bytes:
    if _FIELD.fullmatch(name) is None:
        raise InvalidInputError(f"a sealed field is named in [a-z][a-z0-9_]*, up to 64 letters; got {name!r}")
    return name.encode()


def _plain(name: str, value: JSONValue) -> bytes:
    plain = encoded_value(value)
    if len(plain) > SEALED_BYTES_MAX:
        raise InvalidInputError(
            f"a sealed field has at most {SEALED_BYTES_MAX} bytes, {name} has {len(plain)}", code="field-too-large"
        )
    return plain


def unseal(leaf: Leaf, name: str, blob: bytes, key: bytes) -> Opening:
    """Opens a stored blob and checks it against the leaf's commitment.

    Raises:
        UnavailableError: the blob is not this entry's, is damaged, or holds another value than was committed to.
    """
    entry_id = EntryId(leaf.id)
    try:
        plain = AESGCM(key).decrypt(blob[:NONCE_BYTES], blob[NONCE_BYTES:], _bound(entry_id, name))
    except (InvalidTag, ValueError) as error:
        raise UnavailableError(
            f"the sealed {name} of entry {leaf.id} does not open under its data key", code="payload-damaged"
        ) from error
    opening = Opening(
        entry_id=entry_id, field=name, salt=plain[:SALT_BYTES], value=msgspec.json.decode(plain[SALT_BYTES:])
    )
    check_opening(leaf, opening)
    return opening


def check_opening(leaf: Leaf, opening: Opening) -> None:
    """Returns if the leaf commits to the opened value.

    Raises:
        UnavailableError: it commits to another value, or to none.
    """
    said = leaf.sealed.get(opening.field)
    committed = said.commitment if said else ""
    actual = _commitment(opening.salt, opening.field, canonical(opening.value))
    if leaf.id != opening.entry_id or not hmac.compare_digest(committed, actual):
        raise UnavailableError(
            f"entry {leaf.id} does not commit to this value of {opening.field}", code="commitment-mismatch"
        )


def _commitment(salt: bytes, name: str, plain: bytes) -> str:
    # Not `hmac.digest`: it lets other threads in, however short the text, and the writer then waits for its turn.
    return hmac.new(salt, _COMMITMENT + name.encode() + b"\n" + plain, "sha256").hexdigest()


def _bound(entry_id: EntryId, name: str) -> bytes:
    return _SEALED + entry_id.encode() + b"\n" + name.encode()
