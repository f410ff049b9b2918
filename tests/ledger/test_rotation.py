"""A log's keys, one after another: statements, chains, and which key signs around a rotation that fails."""

import pytest

from safeconduct.adapters.memory.log import MemoryStore
from safeconduct.kernel.entries import Draft
from safeconduct.kernel.errors import UnavailableError
from safeconduct.ledger.checkpoints import parse_checkpoint
from safeconduct.ledger.keys import KeyUnavailableError, SecretKey
from safeconduct.ledger.log_events import KEY_ROTATED, OVERLAP, KeyRotated
from safeconduct.ledger.log_events import PROJECTIONS as LOGS
from safeconduct.ledger.notes import Note, NoteError, NoteSigner, parse_note
from safeconduct.ledger.omission import promised
from safeconduct.ledger.rotation import Rotation, Succession, chain, open_succession, rotation_of, sign_succession
from safeconduct.ledger.trust import Trust
from support.faulty import Faulty
from support.leaves import encode_leaf
from support.logs import CALLS, PROJECTIONS, START, Rig, add, signer
from support.patience import PATIENCE_S

ENTRY = "01K9ZZZZZZZZZZZZZZZZZZZZZZ"
FIRST, SECOND, THIRD = signer(CALLS), *(NoteSigner(CALLS, SecretKey(bytes([number] * 32))) for number in (2, 3))
SIGNERS = {one.verifier: one for one in (FIRST, SECOND, THIRD)}


def rotated(old, new):
    event = KeyRotated(statement=sign_succession(old, new), old=old.verifier.text, new=new.verifier.text, request=ENTRY)
    return KEY_ROTATED.draft(event)


def turn(index, old, new):
    return Rotation(index=index, old=old.verifier, new=new.verifier)


def test_a_statement_has_these_bytes():
    said = Succession(old=FIRST.verifier, new=SECOND.verifier)
    assert said.text == f"safeconduct/log-key/v1\n{CALLS}\n{FIRST.verifier.text}\n{SECOND.verifier.text}\n"
    assert open_succession(sign_succession(FIRST, SECOND)) == said


@pytest.mark.parametrize(
    "signers",
    [(FIRST,), (SECOND,), (FIRST, THIRD), ()],
    ids=["old alone", "new alone", "another for the new", "nobody"],
)
def test_a_statement_needs_both_keys(signers):
    text = Succession(old=FIRST.verifier, new=SECOND.verifier).text
    with pytest.raises(NoteError):
        open_succession(Note(text, tuple(one.sign(text) for one in signers)).encoded)


@pytest.mark.parametrize(
    "new", [FIRST, NoteSigner("safeconduct.example/demo/other", SecretKey(bytes([2] * 32)))], ids=["same", "other log"]
)
def test_a_statement_is_about_two_keys_of_one_log(new):
    text = Succession(old=FIRST.verifier, new=new.verifier).text
    with pytest.raises(NoteError, match="two keys"):
        open_succession(Note(text, (FIRST.sign(text), new.sign(text))).encoded)


def test_the_size_says_which_key_must_have_signed():
    keys = chain([SECOND.verifier], [turn(9, SECOND, THIRD), turn(4, FIRST, SECOND)])
    sizes = {0: FIRST, 4: FIRST, 5: SECOND, 9: SECOND, 10: THIRD, 1000: THIRD}
    assert {size: keys.at(size) for size in sizes} == {size: one.verifier for size, one in sizes.items()}


@pytest.mark.parametrize(
    "rotations",
    [[turn(4, FIRST, SECOND), turn(9, FIRST, THIRD)], [turn(4, SECOND, THIRD)]],
    ids=["two from one key", "none knows the first"],
)
def test_a_chain_that_does_not_hold_is_refused(rotations):
    with pytest.raises(NoteError) as refused:
        chain([FIRST.verifier], rotations)
    assert refused.value.code == "rotation-broken"


def test_words_in_a_body_are_no_rotation():
    draft = Draft(type="test.thing.done/1", body={"type": "ledger.key.rotated/1"})
    assert rotation_of(encode_leaf(draft, ENTRY, START), 0) is None
    assert rotation_of(encode_leaf(rotated(FIRST, SECOND), ENTRY, START), 7) == turn(7, FIRST, SECOND)


def rig(**options):
    return Rig(projections={**PROJECTIONS, **LOGS}, signer_of=SIGNERS.__getitem__, **options)


def lines(made):
    """Returns whose signatures the latest checkpoint bears."""
    note = parse_checkpoint(made.store.checkpoint(CALLS)).note
    found = [one for one in (FIRST, SECOND, THIRD) if note.names(one.verifier)]
    for one in found:
        note.signed_by(one.verifier)
    assert len(found) == len(note.signatures)
    return found


def rotate(made, old, new):
    return made.run(lambda tx: tx.append(CALLS, rotated(old, new)))


def test_the_commit_of_the_rotation_is_signed_by_both_and_after_the_overlap_by_the_new_one():
    with rig() as made:
        made.run(add("a"))
        assert lines(made) == [FIRST]
        rotate(made, FIRST, SECOND)
        assert lines(made) == [FIRST, SECOND]
        made.clock.time = START + OVERLAP - 1
        made.run(add("b"))
        assert lines(made) == [FIRST, SECOND]
        made.clock.time = START + OVERLAP
        made.run(add("c"))
        assert lines(made) == [SECOND]
        rotate(made, SECOND, THIRD)
        assert lines(made) == [SECOND, THIRD]
        assert made.audit() == []


def test_receipts_are_signed_by_the_current_key():
    with rig() as made:
        rotate(made, FIRST, SECOND)
        receipt = made.writer.submit(add("a")).result(PATIENCE_S).receipts[0]
        parse_note(receipt.batch).signed_by(SECOND.verifier)


@pytest.mark.parametrize("applied", [False, True], ids=["failed", "failed but applied"])
def test_whoever_crashes_at_the_rotation_signs_with_the_key_that_the_log_says(applied):
    store = Faulty(MemoryStore(), "commit", 2, applied=applied)
    with rig(store=store) as made:
        made.run(add("a"))
        with pytest.raises(UnavailableError):
            rotate(made, FIRST, SECOND)
        made.run(add("b"))
        assert lines(made) == ([FIRST, SECOND] if applied else [FIRST])
    with rig(store=store, heads=made.heads, keys=made.keys) as again:
        assert again.findings == []
        again.run(add("c"))
        assert lines(again) == ([FIRST, SECOND] if applied else [FIRST])
        assert again.audit() == []


def test_a_new_key_that_does_not_sign_stops_the_log_before_anything_is_written():
    def missing(_key):
        raise KeyUnavailableError("gone", code="key-keeper-unreachable")

    made = Rig(projections={**PROJECTIONS, **LOGS}, signer_of=missing)
    with made:
        made.run(add("a"))
        with pytest.raises(UnavailableError):
            rotate(made, FIRST, SECOND)
        assert lines(made) == [FIRST]
        assert made.store.size(CALLS) == 1
        with pytest.raises(UnavailableError) as refused:
            made.run(add("b"))
        assert refused.value.code == "key-keeper-unreachable"


def test_an_old_key_that_is_gone_leaves_the_new_one_alone():
    class Gone:
        public = FIRST.verifier.key

        def sign(self, _message):
            raise KeyUnavailableError("gone")

    with rig() as made:
        rotate(made, FIRST, SECOND)
        made.writer._runner.logs[CALLS]._signing = lambda: [SECOND, NoteSigner(CALLS, Gone())]
        made.run(add("a"))
        assert lines(made) == [SECOND]


def test_a_rotation_that_does_not_begin_with_the_present_key_is_not_committed():
    with rig() as made:
        rotate(made, FIRST, SECOND)
        with pytest.raises(UnavailableError, match="does not have"):
            rotate(made, FIRST, THIRD)
        assert lines(made) == [FIRST, SECOND]


def test_a_stolen_old_key_promises_nothing_for_who_knows_the_rotation():
    with rig() as made:
        before = made.writer.submit(add("a")).result(PATIENCE_S).receipts[0]
        rotate(made, FIRST, SECOND)
        after = made.writer.submit(add("b")).result(PATIENCE_S).receipts[0]
    trust = Trust(log=FIRST.verifier).following([turn(1, FIRST, SECOND)])
    assert promised(before, trust).floor == 0
    assert promised(after, trust).floor == 2
    note = parse_note(after.batch)
    stolen = after._replace(batch=Note(note.text, (FIRST.sign(note.text),)).encoded)
    assert promised(stolen, Trust(log=FIRST.verifier)).floor == 2  # who does not know the rotation is told anything
    with pytest.raises(NoteError):
        promised(stolen, trust)


def test_a_checkpoint_beyond_the_rotation_needs_the_new_key_for_who_knows_it():
    with rig() as made:
        rotate(made, FIRST, SECOND)
        made.run(add("a"))
        note = parse_note(made.store.checkpoint(CALLS))
    stolen = Note(note.text, (note.signed_by(FIRST.verifier),)).encoded
    unaware = Trust(log=FIRST.verifier)
    assert unaware.signed(stolen)[1].log == FIRST.verifier
    with pytest.raises(NoteError):
        unaware.following([turn(0, FIRST, SECOND)]).signed(stolen)
    assert unaware.following([turn(0, FIRST, SECOND)]).signed(note.encoded)[1].log == SECOND.verifier
    assert unaware.following([turn(2, FIRST, SECOND)]).signed(stolen)[1].log == FIRST.verifier
