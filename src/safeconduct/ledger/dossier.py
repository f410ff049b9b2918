"""What a report on paper says of a log, or of what belongs to one call, incident, action or approval in it.

All of it follows from the log's own bytes; each entry comes with the evidence that anybody verifies without us.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from safeconduct.kernel.errors import AbsentError
from safeconduct.kernel.ids import Origin
from safeconduct.ledger.checkpoints import SignedCheckpoint
from safeconduct.ledger.envelope import Leaf, decode_leaf
from safeconduct.ledger.merkle import leaf_hash
from safeconduct.ledger.notes import VerifierKey, base64_text
from safeconduct.ledger.ocsf import HIGH, EntryForm, PlacedLeaf, ocsf_event
from safeconduct.ledger.ports import LogSource
from safeconduct.ledger.proofs import encode_proof
from safeconduct.ledger.reader import LogReader
from safeconduct.ledger.rotation import Rotation, rotation_of
from safeconduct.ledger.trust import Trust

ENTRIES_MAX = 100
"""Entries of one report: about 60 pages. Who needs more takes an export."""

EVIDENCE_BYTES_MAX = 16 * 1024
"""Bytes of an entry whose evidence stands on paper: a dozen pages. Of a longer one the report says how to get it."""

_OWN = "ledger."  # entries about the log itself: recoveries, destroyed keys, broken promises, rotations


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureLine:
    """One signature of the checkpoint. `key` is empty for one by nobody we know; `at_s` is a cosignature's second."""

    name: str
    is_log: bool
    key: str
    at_s: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedEntry:
    """An entry with what proves it. `evidence` is the .tlog-proof file, empty where it is too long for paper."""

    index: int
    leaf: Leaf
    class_uid: int
    leaf_hash: str
    proof: tuple[str, ...]
    evidence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Dossier:
    """A log as of one checkpoint. `about` is what the entries belong to, empty for those that stand out in the log."""

    origin: Origin
    key: str
    signed: SignedCheckpoint
    signatures: tuple[SignatureLine, ...]
    about: str
    types: Mapping[str, int]
    first_at: str
    last_at: str
    entries: tuple[ReportedEntry, ...]
    left_out: int
    readers: Mapping[str, int] = field(default_factory=dict)


def dossier(
    source: LogSource, origin: Origin, key: VerifierKey, forms: Mapping[str, EntryForm], *, about: str = ""
) -> Dossier:
    """Returns what a report says.

    Raises:
        AbsentError: there is no such log, or nothing in it belongs to `about`.
        UnavailableError: the log is damaged.
    """
    reader = LogReader(source)
    signed = reader.checkpoint(origin)
    types: Counter[str] = Counter()
    readers: Counter[str] = Counter()
    chosen: list[tuple[PlacedLeaf, Leaf, Mapping[str, Any]]] = []
    rotations: list[Rotation] = []
    left_out, first, last = 0, "", ""
    for placed, leaf in _leaves(source, origin, signed.checkpoint.size):
        types[leaf.type] += 1
        readers.update(", ".join(sorted(one.readers)) for one in leaf.sealed.values())
        first, last = first or leaf.at, leaf.at
        rotations += filter(None, (rotation_of(placed.leaf, placed.index),))
        event = ocsf_event(placed, forms)
        if _belongs(event, leaf, about):
            left_out += len(chosen) == ENTRIES_MAX
            chosen += [(placed, leaf, event)] if len(chosen) < ENTRIES_MAX else []
    if about and not chosen:
        raise AbsentError(f"nothing in {origin} belongs to {about}", code="nothing-about")
    return Dossier(
        origin=origin,
        key=key.text,
        signed=signed,
        signatures=tuple(_signatures(signed, Trust(log=key).following(rotations), source)),
        about=about,
        types=dict(sorted(types.items())),
        first_at=first,
        last_at=last,
        entries=tuple(_reported(reader, *one) for one in chosen),
        left_out=left_out,
        readers=dict(sorted(readers.items())),
    )


def _leaves(source: LogSource, origin: Origin, size: int) -> Iterator[tuple[PlacedLeaf, Leaf]]:
    for stored in source.entries(origin, 0, size):
        yield PlacedLeaf(origin=origin, index=stored.index, leaf=stored.leaf), decode_leaf(stored.leaf)


def _belongs(event: Mapping[str, Any], leaf: Leaf, about: str) -> bool:
    if about:
        named = (leaf.id, event["metadata"]["correlation_uid"], *leaf.body.values())
        return any(one == about for one in named)
    return leaf.type.startswith(_OWN) or event["severity_id"] >= HIGH


def _reported(reader: LogReader, placed: PlacedLeaf, leaf: Leaf, event: Mapping[str, Any]) -> ReportedEntry:
    evidence = reader.evidence(leaf.id)
    return ReportedEntry(
        index=placed.index,
        leaf=leaf,
        class_uid=event["class_uid"],
        leaf_hash=leaf_hash(placed.leaf).hex(),
        proof=tuple(base64_text(node) for node in evidence.proof),
        evidence=encode_proof(evidence) if len(placed.leaf) <= EVIDENCE_BYTES_MAX else "",
    )


def _signatures(signed: SignedCheckpoint, trust: Trust, source: LogSource) -> Iterator[SignatureLine]:
    cosigned = [VerifierKey.parse(text) for _size, _note, text in source.cosigned(signed.checkpoint.origin)]
    for line in signed.note.signatures:
        by = next((one for one in (*trust.logs, *cosigned) if line.is_by(one)), None)
        if by is not None:
            signed.note.signed_by(by)
        is_log = by in trust.logs
        at_s = line.timestamp if by is not None and not is_log else None
        yield SignatureLine(name=line.name, is_log=is_log, key=by.text if by else "", at_s=at_s)
