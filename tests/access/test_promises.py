"""Reporting a broken promise: who may, what is recorded, and which reports are refused."""

import hashlib

import pytest

from safeconduct.access.promise_events import PROJECTIONS, PROMISE_BROKEN
from safeconduct.access.promises import broken_promises, quorum_in_force, report_broken
from safeconduct.adapters.memory.records import MemoryState
from safeconduct.kernel.errors import ConflictError, UnauthenticatedError, UnavailableError
from safeconduct.ledger.checkpoints import Checkpoint, SignedCheckpoint, sign_checkpoint
from safeconduct.ledger.merkle import ProofError
from safeconduct.ledger.notes import NoteError
from safeconduct.ledger.omission import Breach, Omission, encode_omission, make_omission, verify_omission
from safeconduct.ledger.ports import NewEntry
from safeconduct.ledger.quorums import parse_policy, single
from safeconduct.ledger.receipts import make_receipts
from safeconduct.ledger.service import Logs
from safeconduct.ledger.trust import Trust
from support.logs import CALLS, Rig, cosigner, signer
from support.programs import WITNESS, in_force, signed

OPERATION = "POST /api/v1/promises/broken"
AGREEMENT = "safeconduct.example/demo/ag-2026-01"
LATER_S = 2_000_000_000


@pytest.fixture
def rig():
    with Rig() as made:
        yield made


def logs(rig):
    return Logs(
        source=rig.store.reader(),
        frozen=rig.store.frozen,
        heads=rig.heads,
        keys=rig.keys,
        signer=signer,
        projections=rig.projections,
    )


def cosign(signed_checkpoint, at_s, by=None):
    note = signed_checkpoint.note
    return SignedCheckpoint(
        signed_checkpoint.checkpoint, note.with_signatures([(by or cosigner()).cosign(note.text, at_s)])
    )


def replaced(rig):
    """The log promised something else at the place of its second entry."""
    rig.fill(3)
    other = NewEntry("01KAK00000000000000000000A", b"", hashlib.sha256(b"promised").digest(), {})
    receipt = make_receipts([other], CALLS, floor=1, deadline_s=LATER_S, signer=signer())[0]
    latest = cosign(rig.reader.checkpoint(CALLS), LATER_S + 1)
    tiles = rig.store.tile(CALLS, 0, 0)
    subtree = rig.reader._subtrees(CALLS, 3)
    return make_omission(receipt, 1, latest, subtree, [tiles[32:64]])


def short(receipt, at_s, size=0):
    """Says that a tree which its witness saw before the entry came was cosigned again at `at_s`."""
    empty = sign_checkpoint(Checkpoint(CALLS, size, hashlib.sha256(b"").digest()), signer())
    return Omission(receipt=receipt, checkpoint=cosign(empty, at_s), start=receipt.index, leaves=(), nodes=())


def judged(rig, omission, witness=None):
    key = (witness or cosigner()).verifier
    quorum = parse_policy(single(key.name, key, ""))
    return logs(rig).broken_promise(encode_omission(omission).encode(), quorum)


def test_the_keeper_believes_a_proof_against_itself(rig):
    broken = judged(rig, replaced(rig))
    assert (broken.breach, broken.index, broken.size) == (Breach.REPLACED, 1, 3)


def test_only_the_agreement_s_witness_counts(rig):
    with pytest.raises(NoteError):
        judged(rig, replaced(rig), witness=cosigner("another.example/witness"))


def test_a_witness_that_cosigns_an_old_tree_again_is_refuted_by_its_own_earlier_cosignature(rig):
    receipt = rig.fill(2)[1]
    claimed = short(receipt, LATER_S)
    latest = rig.reader.checkpoint(CALLS)
    assert judged(rig, claimed).breach is Breach.SHORT  # nothing here shows otherwise
    for at_s, refuted in ((LATER_S + 1, False), (LATER_S, True)):
        rig.writer.keep_cosigned(cosign(latest, at_s), cosigner().verifier)
        if refuted:
            with pytest.raises(ConflictError, match="no honest witness does") as caught:
                judged(rig, claimed)
            assert caught.value.code == "promise-kept"
        else:
            assert judged(rig, claimed).breach is Breach.SHORT


def test_another_witness_earlier_cosignature_refutes_nothing(rig):
    receipt = rig.fill(2)[1]
    rig.writer.keep_cosigned(cosign(rig.reader.checkpoint(CALLS), 5, cosigner("other")), cosigner("other").verifier)
    assert judged(rig, short(receipt, LATER_S)).breach is Breach.SHORT


def test_what_proves_nothing_is_refused(rig):
    receipt = rig.fill(2)[1]
    with pytest.raises(NoteError, match="after the deadline"):
        judged(rig, short(receipt, 5))
    kept = cosign(rig.reader.checkpoint(CALLS), LATER_S)
    leaves = [rig.store.tile(CALLS, 0, 0)[32:64]]
    with pytest.raises(ProofError, match="where it was promised"):
        judged(rig, make_omission(receipt, 0, kept, rig.reader._subtrees(CALLS, 2), leaves))


def house():
    writer = in_force()
    writer.projections = {**writer.projections, **PROJECTIONS}
    return writer


def report(writer, omission, *, by="ana", key=""):
    proof = encode_omission(omission).encode()
    broken = verify_omission(omission, Trust(log=signer().verifier, witnesses=[cosigner().verifier]))
    act = signed(by, OPERATION, proof, writer.now, key=key)
    return writer.run(
        lambda tx: report_broken(tx, act, operation=OPERATION, content=act.act.content, broken=broken, proof=proof)
    )


def test_a_party_records_it_in_the_joint_log_once(rig):
    writer, omission = house(), replaced(rig)
    reported = report(writer, omission)
    entry = writer.entries[-1]
    assert (entry.type, entry.origin, entry.id) == (PROMISE_BROKEN.name, AGREEMENT, reported.record)
    sealed = writer.drafts[entry.id].sealed["omission"]
    assert entry.body["proof"] == hashlib.sha256(sealed.encode()).hexdigest()
    assert entry.body["promise"]["leaf"] == hashlib.sha256(b"promised").hexdigest()
    assert broken_promises(writer.state) == [reported]
    with pytest.raises(ConflictError, match="reported it") as caught:
        report(writer, omission, by="ops")
    assert caught.value.code == "promise-reported"


def test_nobody_unknown_reports(rig):
    omission = replaced(rig)
    with pytest.raises(UnauthenticatedError):
        report(house(), omission, by="ana", key="stranger")
    with pytest.raises(UnauthenticatedError):
        report(house(), omission, by="stranger")


def test_without_an_agreement_nobody_s_time_counts():
    assert [one.key for one in quorum_in_force(house().state).witnesses] == [WITNESS.verifier]
    with pytest.raises(UnavailableError):
        quorum_in_force(MemoryState())
