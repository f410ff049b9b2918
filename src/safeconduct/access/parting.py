"""What both parties take along when an agreement ends, beside the whole log: the same bytes for each of them.

What there is to verify with - keys of people, organizations and log, the quorum - and the data keys as they were
wrapped for other readers, of which each opens its own. docs/spec/export.md section 6.
"""

from collections.abc import Iterator

import msgspec

from safeconduct.access import records as kept
from safeconduct.access.cosigning import witness_of
from safeconduct.kernel.canonical import canonical
from safeconduct.kernel.entries import Reader
from safeconduct.kernel.errors import RefusedError
from safeconduct.kernel.ids import Origin
from safeconduct.kernel.ports import Records
from safeconduct.ledger.key_ports import DataKeys
from safeconduct.ledger.log_events import SUCCESSORS, current_origin
from safeconduct.ledger.notes import VerifierKey

AGREEMENT_PATH = "agreement.json"
POLICY_PATH = "policy"
README_PATH = "README.md"
WRAPPED_FOLDER = "wrapped"


def parting_files(records: Records, origin: Origin, key: VerifierKey, keys: DataKeys) -> Iterator[tuple[str, bytes]]:
    """Yields path and content of each file.

    Raises:
        RefusedError: `no-agreement`, or `not-the-agreements-log`: only a joint log has two parties.
    """
    agreement = kept.require_agreement(records)
    if current_origin(records, origin) != agreement.origin:
        raise RefusedError(
            f"{origin} is no log of agreement {agreement.id}, whose is {agreement.origin}",
            code="not-the-agreements-log",
            remedy="pass --origin, or leave --contract-end out",
        )
    policy = f"log {key.text}\n{witness_of(agreement).policy}"
    yield POLICY_PATH, policy.encode()
    yield AGREEMENT_PATH, _agreement(records)
    for reader in Reader:
        lines = [msgspec.json.encode(one) for one in keys.wrapped(reader) if one.origin == origin]
        if lines:
            yield f"{WRAPPED_FOLDER}/{reader}.jsonl", b"\n".join(lines) + b"\n"
    yield README_PATH, _README.format(agreement=agreement.id, origin=origin).encode()


def _agreement(records: Records) -> bytes:
    agreement = kept.require_agreement(records)
    former = [
        old for old, _successor in records.scan(SUCCESSORS) if current_origin(records, Origin(old)) == agreement.origin
    ]
    document = {
        "agreement": agreement,
        "closed_logs": former,
        "organizations": [value for _key, value in records.scan(kept.ORGANIZATIONS)],
        "principals": [value for _key, value in records.scan(kept.PRINCIPALS)],
    }
    return canonical(msgspec.to_builtins(document)) + b"\n"


_README = """# What is left of agreement {agreement}

Both parties get this folder, byte for byte the same: the manifest is signed by the log and covers every file.

| file | what it is |
| --- | --- |
| `checkpoint` | the last signed head of the log {origin}, with the partner's cosignatures |
| `tile/...` | the tree and the entries (C2SP tlog-tiles); `ids` has their ids |
| `payload/ENTRY/FIELD` | each sealed field that is still kept, sealed |
| `wrapped/READER.jsonl` | the data keys as they were wrapped for a reader; only its own secret key opens them |
| `agreement.json` | the agreement, both organizations and everybody's public keys: acts in entries verify with them |
| `policy` | the log's key and the witnesses whose cosignatures count (C2SP tlog-policy) |
| `report.html` | what the log holds and who signed it, to print |
| `manifest` | the digest of every file, signed by the log |

The `closed_logs` that `agreement.json` names are earlier logs of the agreement; each is a folder of its own.

## Verify it, with no network and no database

    safeconduct log verify DIR --policy POLICY

Take POLICY, or the log's and the witness's keys (`--key`, `--witness`), from your own copy of the agreement. The one in
this folder proves only that the folder agrees with itself. A flipped bit anywhere is found and named.

## Open a sealed field

Who holds a reader's secret key unwraps the data key that the entry names (RFC 9180: DHKEM X25519, HKDF-SHA256,
AES-256-GCM) and opens the payload; the value is then checked against the entry's commitment. A field whose data key was
destroyed opens for nobody: the entry that certifies it is in the log, and every proof still holds.
"""
