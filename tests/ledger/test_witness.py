"""The witness's answers as C2SP tlog-witness orders them, and what its disk keeps."""

import threading

import pytest

from safeconduct.adapters.cosigner_folder import Algorithm
from safeconduct.adapters.witness import WitnessFolder
from safeconduct.kernel.errors import InvalidInputError, UnavailableError
from safeconduct.ledger import merkle
from safeconduct.ledger.checkpoints import Checkpoint, SignedCheckpoint, parse_checkpoint, parse_size, sign_checkpoint
from safeconduct.ledger.keys import SecretKey
from safeconduct.ledger.notes import Note, NoteError, NoteSigner, parse_signatures
from safeconduct.ledger.tiles import INDEX_MAX
from safeconduct.ledger.witness import PROOF_LINES_MAX, REQUEST_BYTES_MAX, Submission, parse_submission
from support.logs import CALLS, START, Clock, Counting, Rig, cosigner, signer

HASHES = [merkle.leaf_hash(bytes([n])) for n in range(40)]


def subtree(height, number):
    edge = merkle.Frontier()
    for node in HASHES[number << height : (number + 1) << height]:
        edge.append(node)
    return edge.root()


def signed(size, by=None, root=None):
    return sign_checkpoint(Checkpoint(CALLS, size, root or merkle.root(size, subtree)), by or signer())


def submission(old, size, **changes):
    proof = tuple(merkle.consistency_proof(old, size, subtree)) if old <= size else ()
    return Submission(old, changes.pop("proof", proof), signed(size, **changes))


@pytest.fixture(params=Algorithm)
def witness(tmp_path, request):
    WitnessFolder.create(tmp_path / "w", "partner.example/witness", Counting(), request.param)
    made = WitnessFolder(tmp_path / "w", Clock())
    made.trust(signer().verifier)
    return made


def ask(witness, *arguments, **changes):
    return witness.add_checkpoint(submission(*arguments, **changes).encoded)


def test_it_cosigns_what_continues(witness):
    for old, size in [(0, 3), (3, 3), (3, 8), (8, 33)]:
        answer = ask(witness, old, size)
        assert (answer.status, answer.content_type) == (200, "text/plain; charset=utf-8")
        (line,) = parse_signatures(answer.body)
        note = signed(size).note.with_signatures([line])
        assert note.signed_by(witness.cosigner.verifier).timestamp == START // 1_000_000
        assert witness.latest(CALLS).checkpoint.size == size


def test_it_starts_with_an_empty_log_too(witness):
    assert ask(witness, 0, 0).status == 200
    assert ask(witness, 0, 5).status == 200


@pytest.mark.parametrize(
    ("request_", "status", "body"),
    [
        (submission(0, 5, by=NoteSigner(CALLS, SecretKey(bytes(32)))), 403, "no trusted key"),
        (submission(9, 5), 400, "old size 9 is above the checkpoint's 5"),
        (submission(0, 8), 409, "3\n"),
        (submission(2, 8), 409, "3\n"),
        (submission(4, 8), 409, "3\n"),
        (submission(3, 3, root=bytes(32)), 409, "3\n"),
        (submission(2, 2), 409, "3\n"),
        (submission(3, 8, proof=()), 422, "empty"),
        (submission(3, 8, root=bytes(32)), 422, "other roots"),
        (submission(3, 8, proof=tuple(merkle.consistency_proof(2, 8, subtree))), 422, ""),
        (submission(3, 3, proof=(bytes(32),)), 422, "no proof is needed"),
    ],
)
def test_it_refuses_and_keeps_what_it_had(witness, request_, status, body):
    assert ask(witness, 0, 3).status == 200
    answer = witness.add_checkpoint(request_.encoded)
    assert answer.status == status
    assert body in answer.body
    assert answer.content_type == ("text/x.tlog.size" if status == 409 else "text/plain; charset=utf-8")
    assert witness.latest(CALLS).checkpoint == signed(3).checkpoint


def test_it_refuses_what_it_does_not_know(witness):
    other = sign_checkpoint(Checkpoint("example.com/other", 0, merkle.EMPTY_ROOT), signer("example.com/other"))
    assert witness.add_checkpoint(Submission(0, (), other).encoded).status == 404
    assert ask(witness, 0, 3, proof=(bytes(32),)).status == 422
    assert ask(witness, 0, 0, root=bytes(32)).status == 422
    assert witness.latest(CALLS) is None


def test_a_second_signature_in_the_log_s_name_that_fails_is_forbidden(witness):
    good = signed(3)
    bad = Note(good.note.text, (*good.note.signatures, signer().sign("another text\n")))
    request = Submission(0, (), SignedCheckpoint(good.checkpoint, bad))
    assert witness.add_checkpoint(request.encoded).status == 403
    unknown = good.note.with_signatures([cosigner("stranger").cosign(good.note.text, 5)])
    request = Submission(0, (), SignedCheckpoint(good.checkpoint, unknown))
    assert witness.add_checkpoint(request.encoded).status == 200
    assert [line.name for line in witness.latest(CALLS).note.signatures] == [CALLS, "partner.example/witness"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"old 0",
        b"old 0\n\n",
        b"old 00\n\n" + signed(3).encoded.encode(),
        b"old -1\n\n" + signed(3).encoded.encode(),
        b"old  0\n\n" + signed(3).encoded.encode(),
        b"new 0\n\n" + signed(3).encoded.encode(),
        b"old 0\nAAAA\n\n" + signed(3).encoded.encode(),
        b"old 0\n!\n\n" + signed(3).encoded.encode(),
        b"old 0\n" + signed(3).encoded.encode(),
        b"old 0\n\n" + signed(3).encoded.encode()[:-1],
        b"\xff" * 100,
        b"x" * (REQUEST_BYTES_MAX + 1),
    ],
)
def test_malformed_requests(witness, body):
    assert witness.add_checkpoint(body).status == 400
    assert witness.latest(CALLS) is None


def test_the_proof_line_limit_at_its_edge_and_one_beyond():
    node = "A" * 43 + "=\n"
    fits = f"old 3\n{node * PROOF_LINES_MAX}\n{signed(8).encoded}".encode()
    assert len(parse_submission(fits).proof) == 63
    with pytest.raises(NoteError, match="at most 63 lines, got 64"):
        parse_submission(fits.replace(b"old 3\n", f"old 3\n{node}".encode()))


def test_a_request_reads_back():
    wanted = submission(3, 33)
    assert parse_submission(wanted.encoded) == wanted


def test_what_it_cosigned_outlives_it(witness, tmp_path):
    assert ask(witness, 0, 8).status == 200
    again = WitnessFolder(tmp_path / "w", Clock())
    assert again.cosigner.verifier == witness.cosigner.verifier
    assert ask(again, 0, 3).body == "8\n"
    assert ask(again, 8, 9).status == 200


def test_every_flipped_bit_of_its_record_stops_it(witness, tmp_path):
    assert ask(witness, 0, 8).status == 200
    (path,) = (tmp_path / "w" / "checkpoints").iterdir()
    whole = path.read_bytes()
    for bit in range(0, len(whole) * 8, len(whole) * 8 // 420 | 1):
        damaged = bytearray(whole)
        damaged[bit // 8] ^= 1 << bit % 8
        path.write_bytes(damaged)
        outcome = outcome_of(witness)
        # The log's own line is not checked again; what counts is the text under the witness's signature.
        same = parse(damaged) == signed(8).note.text
        assert outcome in ({"cosigned", "record-damaged"} if same else {"record-damaged"}), bit
        path.write_bytes(whole)


def outcome_of(witness):
    try:
        return {200: "cosigned"}[ask(witness, 8, 9).status]
    except UnavailableError as error:
        return error.code


def parse(raw):
    try:
        return parse_checkpoint(bytes(raw)).note.text
    except NoteError:
        return None


def test_one_of_two_racing_requests_is_told_of_the_other(witness):
    ask(witness, 0, 3)
    answers = []
    requests = [submission(3, size).encoded for size in (5, 9)]
    threads = [threading.Thread(target=lambda r=r: answers.append(witness.add_checkpoint(r))) for r in requests]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answer.status for answer in answers) == [200, 409]
    assert witness.latest(CALLS).checkpoint.size in {5, 9}


def test_a_key_is_its_owner_s_and_made_once(witness, tmp_path):
    assert (tmp_path / "w" / "witness.key").stat().st_mode & 0o077 == 0
    with pytest.raises(UnavailableError):
        WitnessFolder.create(tmp_path / "w", "partner.example/witness", Counting())
    with pytest.raises(InvalidInputError, match="no witness"):
        WitnessFolder(tmp_path / "elsewhere", Clock())
    with pytest.raises(NoteError):
        WitnessFolder.create(tmp_path / "x", "a name", Counting())


def test_a_log_may_have_several_keys_while_it_changes_them(witness):
    new = NoteSigner(CALLS, SecretKey(bytes(32)))
    assert ask(witness, 0, 3).status == 200
    assert ask(witness, 3, 5, by=new).status == 403
    witness.trust(new.verifier)
    witness.trust(new.verifier)
    assert witness.kept.keys_of(CALLS) == (signer().verifier, new.verifier)
    assert ask(witness, 3, 5, by=new).status == 200
    both = signed(8).note.with_signatures([new.sign(signed(8).note.text)])
    request = Submission(5, submission(5, 8).proof, SignedCheckpoint(signed(8).checkpoint, both))
    assert witness.add_checkpoint(request.encoded).status == 200
    assert [line.name for line in witness.latest(CALLS).note.signatures] == [CALLS, CALLS, "partner.example/witness"]
    bad = signed(9).note.with_signatures([new.sign("another text\n")])
    request = Submission(8, submission(8, 9).proof, SignedCheckpoint(signed(9).checkpoint, bad))
    assert witness.add_checkpoint(request.encoded).status == 403
    with pytest.raises(InvalidInputError, match="expected a log's key"):
        witness.trust(cosigner().verifier)


def test_a_cosigned_checkpoint_is_in_the_evidence():
    with Rig() as rig:
        receipts = rig.fill(5)
        latest = rig.reader.checkpoint(CALLS)
        by_witness = cosigner().cosign(latest.note.text, 5)
        cosigned = SignedCheckpoint(latest.checkpoint, latest.note.with_signatures([by_witness]))
        rig.writer.keep_cosigned(cosigned, cosigner().verifier)
        assert rig.reader.checkpoint(CALLS).note.signatures[1] == by_witness
        rig.fill(3, start=5)
        evidence = rig.reader.evidence(receipts[0].entry_id)
        assert evidence.checkpoint.checkpoint.size == 5
        evidence.checkpoint.note.signed_by(cosigner().verifier)
        assert rig.reader.evidence(rig.fill(1, start=8)[0].entry_id).checkpoint.checkpoint.size == 9
        assert rig.reader.cosigned_size(CALLS, cosigner().verifier) == 5
        assert rig.reader.cosigned_size(CALLS, cosigner("other").verifier) == 0
        assert rig.audit() == []


def test_a_tree_size_has_a_limit():
    assert parse_size(str(INDEX_MAX)) == INDEX_MAX
    for text in (str(INDEX_MAX + 1), "9" * len(str(INDEX_MAX)), "1" * 10_000):
        with pytest.raises(NoteError, match="a tree has at most"):
            parse_size(text)
