"""Broken promises: what proves one, and that nobody can make one up."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safeconduct.kernel.errors import InvalidInputError, TooLargeError
from safeconduct.ledger import merkle
from safeconduct.ledger.checkpoints import SignedCheckpoint
from safeconduct.ledger.kept import Standing, judge
from safeconduct.ledger.keys import SecretKey
from safeconduct.ledger.merkle import ProofError
from safeconduct.ledger.notes import NoteError, NoteSigner
from safeconduct.ledger.omission import (
    LEAVES_MAX,
    OMISSION_BYTES_MAX,
    Breach,
    Cosigned,
    due,
    encode_omission,
    make_omission,
    parse_omission,
    verify_omission,
)
from safeconduct.ledger.quorums import parse_policy
from safeconduct.ledger.ranges import nodes_beside, range_root
from safeconduct.ledger.tiled import TiledLog
from safeconduct.ledger.trust import by_policy
from support.logs import CALLS, OTHER, cosigner, signer
from support.promises import DEADLINE_S, FLOOR, TRUST, WORKER, cosigned, leaf, mirror, receipts, subtree_of, tree


def omission(receipt, leaves, **changes):
    start, end = due(receipt, FLOOR, len(leaves))
    signed = changes.pop("checkpoint", None) or cosigned(leaves)
    made = make_omission(receipt, FLOOR, signed, subtree_of(leaves), leaves[start:end])
    return dataclasses.replace(made, **changes)


@given(st.integers(1, 600), st.data())
def test_a_run_of_leaves_leads_to_the_root(size, data):
    leaves = tree(size=size)
    start = data.draw(st.integers(0, size - 1))
    end = data.draw(st.integers(start + 1, size))
    subtree = subtree_of(leaves)
    nodes = list(nodes_beside(start, end, size, subtree))
    assert range_root(start, leaves[start:end], size, nodes) == merkle.root(size, subtree)
    if end == size and start:
        assert nodes == merkle.frontier(start, subtree).nodes
    for bad in (nodes[:-1], [*nodes, leaf("more")]):
        if bad != nodes:
            with pytest.raises(ProofError):
                range_root(start, leaves[start:end], size, bad)


@pytest.mark.parametrize(
    ("by", "there", "breach", "rests_on"),
    [
        (None, ["a", "forged", "c"], Breach.REPLACED, "log"),
        (None, ["b", "a", "c"], Breach.REPLACED, "log"),  # it is there, at another index than was promised
        (None, ["a"], Breach.SHORT, "witness"),
        (WORKER, ["a", "x", "c", "y"], Breach.MISSING, "witness"),
        (WORKER, [], Breach.SHORT, "witness"),
    ],
)
def test_a_broken_promise_is_proven_by_its_file_alone(by, there, breach, rests_on):
    receipt = receipts("a", "b", by=by)[1]
    made = omission(receipt, tree(*there))
    assert parse_omission(encode_omission(made).encode()) == made
    broken = verify_omission(parse_omission(encode_omission(made).encode()), TRUST, [WORKER.verifier])
    assert (broken.breach, broken.breach.rests_on) == (breach, rests_on)
    assert broken.cosigned == (Cosigned(by=cosigner().verifier.name, at_s=DEADLINE_S + 1),)
    judged = judge(receipt, TiledLog(mirror(tree(*there), made.checkpoint), TRUST), TRUST, [WORKER.verifier])
    assert (judged.standing, judged.omission) == (Standing.BROKEN, made)


@pytest.mark.parametrize(("by", "there"), [(None, ["a", "b"]), (WORKER, ["x", "b", "y"]), (WORKER, ["a", "b"])])
def test_a_kept_promise_is_proven_and_can_not_be_called_broken(by, there):
    receipt = receipts("a", "b", by=by)[1]
    leaves = tree(*there)
    judged = judge(receipt, TiledLog(mirror(leaves, cosigned(leaves)), TRUST), TRUST, [WORKER.verifier])
    assert (judged.standing, judged.why) == (Standing.PROVEN, f"at index {FLOOR + 1}")
    with pytest.raises(ProofError, match="where it was promised"):
        verify_omission(omission(receipt, leaves), TRUST, [WORKER.verifier])


@pytest.mark.parametrize(("by", "there"), [(None, ["x"]), (WORKER, ["x"]), (WORKER, [])])
def test_what_rests_on_the_time_is_broken_only_after_a_witness_cosigned_after_the_deadline(by, there):
    receipt, leaves = receipts("a", "b", by=by)[1], tree(*there)
    for at_s, standing in ((None, Standing.OPEN), (DEADLINE_S, Standing.OPEN), (DEADLINE_S + 1, Standing.BROKEN)):
        signed = cosigned(leaves, at_s)
        copy = TiledLog(mirror(leaves, signed), TRUST)
        assert judge(receipt, copy, TRUST, [WORKER.verifier]).standing is standing
        if standing is Standing.OPEN:
            with pytest.raises(NoteError, match="after the deadline"):
                verify_omission(omission(receipt, leaves, checkpoint=signed), TRUST, [WORKER.verifier])


def test_two_signatures_of_the_log_contradict_each_other_whatever_the_time():
    receipt, leaves = receipts("a")[0], tree("x")
    for at_s in (None, DEADLINE_S):
        signed = cosigned(leaves, at_s)
        judged = judge(receipt, TiledLog(mirror(leaves, signed), TRUST), TRUST)
        assert judged.standing is Standing.BROKEN
        assert verify_omission(judged.omission, TRUST).cosigned == ()


def test_where_a_quorum_is_asked_for_one_late_witness_is_not_enough():
    neutral = cosigner("neutral.example/witness")
    lines = [
        f"log {signer().verifier.text}",
        f"witness a {cosigner().verifier.text}",
        f"witness b {neutral.verifier.text}",
    ]
    policy = parse_policy("\n".join([*lines, "group both all a b", "quorum both", ""]))
    trust = by_policy(policy, CALLS)
    receipt, leaves = receipts("a", "b")[1], tree("a")
    for at_s, standing in ((DEADLINE_S, Standing.OPEN), (DEADLINE_S + 1, Standing.BROKEN)):
        signed = cosigned(leaves)
        note = signed.note.with_signatures([neutral.cosign(signed.note.text, at_s)])
        copy = TiledLog(mirror(leaves, SignedCheckpoint(signed.checkpoint, note)), trust)
        assert judge(receipt, copy, trust).standing is standing


def test_what_no_witness_cosigned_proves_no_entry():
    receipt, leaves = receipts("a")[0], tree("a")
    judged = judge(receipt, TiledLog(mirror(leaves, cosigned(leaves, None)), TRUST), TRUST)
    assert judged.standing is Standing.OPEN
    assert "no known witness" in judged.why


def test_a_made_up_receipt_is_worthless():
    stranger = NoteSigner(CALLS, SecretKey(bytes(32)))
    leaves = tree("x")
    copy = TiledLog(mirror(leaves, cosigned(leaves)), TRUST)
    assert judge(receipts("a", by=stranger)[0], copy, TRUST).standing is Standing.WORTHLESS
    assert judge(receipts("a", by=WORKER)[0], copy, TRUST).standing is Standing.WORTHLESS


def attacks():
    kept, wrong = receipts("a", "b"), tree("a", "x", "c")
    true = tree("a", "b", "c")
    real = omission(kept[1], wrong)
    by_worker = receipts("a", "b", by=WORKER)[1]
    yield "a receipt of another log", dataclasses.replace(real, receipt=receipts("a", "b", origin=OTHER)[1])
    yield (
        "a receipt by a stranger",
        dataclasses.replace(real, receipt=receipts("a", "b", by=NoteSigner(CALLS, SecretKey(bytes(32))))[1]),
    )
    yield "a leaf that is there", omission(kept[1], true)
    yield "its neighbor's leaf", dataclasses.replace(omission(kept[1], true), leaves=(leaf("a"),))
    yield "its neighbor's place", dataclasses.replace(omission(kept[0], true), receipt=kept[1])
    yield "no leaf at all", dataclasses.replace(real, leaves=())
    yield "no leaf and no nodes", dataclasses.replace(real, leaves=(), nodes=())
    yield "nodes without leaves", dataclasses.replace(omission(kept[1], tree("a")), nodes=real.nodes)
    yield "a run that begins after it", dataclasses.replace(real, start=real.start + 1)
    yield "another tree's nodes", dataclasses.replace(real, nodes=omission(kept[1], tree("z", "x", "c")).nodes)
    less = tree("a")
    yield "a checkpoint before the deadline", omission(kept[1], less, checkpoint=cosigned(less, DEADLINE_S))
    yield "a checkpoint nobody cosigned", omission(kept[1], less, checkpoint=cosigned(less, None))
    yield "a checkpoint of another log", omission(kept[1], wrong, checkpoint=cosigned(wrong, origin=OTHER))
    yield (
        "a checkpoint by a stranger",
        omission(kept[1], wrong, checkpoint=cosigned(wrong, by=NoteSigner(CALLS, SecretKey(bytes(32))))),
    )
    # Whoever can't know the place must show all leaves from the floor on.
    yield (
        "a worker's, shown as one place",
        dataclasses.replace(omission(by_worker, true), start=FLOOR, leaves=(leaf("a"),)),
    )
    yield (
        "a worker's, from a wrong floor",
        dataclasses.replace(omission(by_worker, true), start=FLOOR + 2, leaves=(leaf("c"),)),
    )
    yield (
        "a worker's, without the last leaf",
        dataclasses.replace(omission(by_worker, tree("a", "c", "b")), leaves=(leaf("a"), leaf("c"))),
    )


@pytest.mark.parametrize("made", [pytest.param(made, id=name) for name, made in attacks()])
def test_a_broken_promise_can_not_be_made_up(made):
    with pytest.raises((ProofError, NoteError)):
        verify_omission(made, TRUST, [WORKER.verifier])


def test_every_byte_of_the_file_counts():
    content = encode_omission(omission(receipts("a", "b")[1], tree("a", "x", "c"))).encode()
    for at in range(len(content)):
        changed = content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]
        try:
            broken = verify_omission(parse_omission(changed), TRUST)
        except InvalidInputError:
            continue
        # The entry's id is told, not signed: it says where to look.
        assert broken.entry != "00000000000000000000000001"


def test_a_file_has_limits():
    with pytest.raises(TooLargeError):
        parse_omission(bytes(OMISSION_BYTES_MAX + 1))
    receipt, signed = receipts("a", by=WORKER, floor=0)[0], cosigned(tree(size=1))
    for count in (LEAVES_MAX, LEAVES_MAX + 1):
        longer = SignedCheckpoint(dataclasses.replace(signed.checkpoint, size=count), signed.note)
        if count > LEAVES_MAX:
            with pytest.raises(TooLargeError, match="a proof holds 131072"):
                make_omission(receipt, 0, longer, lambda *_: bytes(32), [])
        else:
            made = make_omission(receipt, 0, longer, lambda *_: bytes(32), [bytes(32)] * count)
            assert len(encode_omission(made)) <= OMISSION_BYTES_MAX


@pytest.mark.parametrize("content", [b"", b"safeconduct/omission@v1\nstart 1\n", b"\n\n" * 5, b"\xff" * 99])
def test_what_is_no_omission(content):
    with pytest.raises(InvalidInputError):
        parse_omission(content)
