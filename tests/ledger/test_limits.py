"""The ledger's limits, each at its edge and one beyond."""

import pytest

from safeconduct.adapters.files import HEAD_FILE_BYTES_MAX, FileHeads, file_name
from safeconduct.kernel.errors import InvalidInputError
from safeconduct.kernel.ids import Origin
from safeconduct.ledger.audit import FINDINGS_MAX, GAP_MAX, audit
from safeconduct.ledger.checkpoints import Checkpoint, sign_checkpoint
from safeconduct.ledger.cosigned import AT_START
from safeconduct.ledger.export import MANIFEST_BYTES_MAX, MANIFEST_PATH, export_files, verify_files
from safeconduct.ledger.notes import NOTE_BYTES_MAX, TIMESTAMP_MAX, Note, NoteError, parse_note
from safeconduct.ledger.ports import StoredEntry
from safeconduct.ledger.tiles import CHECKPOINT_PATH
from safeconduct.ledger.trust import Trust
from support.logs import CALLS, Rig, add, cosigner, signer


def damaged(count):
    """Returns the findings of a log of which so many entries are not what was hashed into the tree."""
    with Rig() as rig:
        for n in range(count):
            rig.writer.submit(add(f"k{n}"))
        rig.run(add("last"))
        log = rig.store.logs[CALLS]
        log[:count] = [StoredEntry(one.index, one.id, one.leaf.replace(b'"v":1', b'"v":9')) for one in log[:count]]
        return audit(rig.store, CALLS, signer().verifier)


@pytest.mark.parametrize(("count", "listed"), [(FINDINGS_MAX - 1, FINDINGS_MAX - 1), (FINDINGS_MAX + 1, FINDINGS_MAX)])
def test_a_log_lists_its_first_findings(count, listed):
    findings = [one for one in damaged(count) if one.place == "entries"]
    assert len(findings) == listed
    assert [one.index for one in findings] == list(range(listed))


def after_gap(count):
    """Returns what an audit says of a log whose last entry stands so many places too far on."""
    with Rig() as rig:
        rig.run(add("first"))
        rig.run(add("second"))
        log = rig.store.logs[CALLS]
        log[1] = StoredEntry(1 + count, log[1].id, log[1].leaf)
        return audit(rig.store, CALLS, signer().verifier)


@pytest.mark.parametrize(("count", "read_past"), [(GAP_MAX, True), (GAP_MAX + 1, False)])
def test_an_audit_reads_past_a_gap_of_the_named_length(count, read_past):
    findings = after_gap(count)
    assert f"{count} entries are missing from here on" in findings[0].what
    stored = f"the checkpoint covers 2 entries, {count + 2} are stored"
    assert any(one.what == stored for one in findings) == read_past


def noted(size):
    """Returns a signed note of exactly so many bytes."""
    bare = len(Note("x\n", (signer().sign("x\n"),)).encoded.encode())
    text = "x" * (size - bare + 1) + "\n"
    return Note(text, (signer().sign(text),)).encoded


def test_a_note_of_the_limit_is_read():
    assert parse_note(noted(NOTE_BYTES_MAX)).encoded == noted(NOTE_BYTES_MAX)
    assert len(noted(NOTE_BYTES_MAX).encode()) == NOTE_BYTES_MAX


def test_a_note_one_byte_longer_is_refused():
    with pytest.raises(NoteError, match=f"at most {NOTE_BYTES_MAX} bytes, got {NOTE_BYTES_MAX + 1}"):
        parse_note(noted(NOTE_BYTES_MAX + 1))


def verified(manifest_size):
    """Returns the findings on an export whose manifest lists a file of such a name that it has the size."""
    with Rig() as rig:
        rig.run(add("only"))
        files = dict(export_files(rig.store, CALLS, signer(), payloads=False))
    note = parse_note(files[MANIFEST_PATH])
    path = "y" * (manifest_size - len(files[MANIFEST_PATH]) - len(f"{'0' * 64} 0 \n"))
    text = f"{note.text}{'0' * 64} 0 {path}\n"
    files[MANIFEST_PATH] = Note(text, (signer().sign(text),)).encoded.encode()
    assert len(files[MANIFEST_PATH]) == manifest_size
    found = verify_files(files.get, sorted(files), Trust(log=signer().verifier)).findings
    return [one.what for one in found if one.place != path] + ["missing" for one in found if one.place == path]


def test_a_manifest_of_the_limit_is_read():
    assert verified(MANIFEST_BYTES_MAX) == ["missing"]


def test_a_manifest_one_byte_longer_is_refused():
    assert verified(MANIFEST_BYTES_MAX + 1) == [
        f"a note has at most {MANIFEST_BYTES_MAX} bytes, got {MANIFEST_BYTES_MAX + 1}"
    ]


@pytest.mark.parametrize("at_s", [1, TIMESTAMP_MAX])
def test_a_cosignature_carries_times_up_to_the_limit(at_s):
    assert cosigner().cosign("x\n", at_s).timestamp == at_s


@pytest.mark.parametrize("at_s", [0, TIMESTAMP_MAX + 1])
def test_no_time_beyond_the_limits_is_cosigned(at_s):
    with pytest.raises(InvalidInputError, match="between 1 and"):
        cosigner().cosign("x\n", at_s)


def test_a_file_of_heads_grows_to_its_limit_and_then_begins_anew(tmp_path):
    heads, sizes, previous = FileHeads(tmp_path), [], None
    file = tmp_path / file_name(CALLS)
    while len(sizes) < 2 or sizes[-1] > sizes[-2]:
        head = f"head {len(sizes):06d}" + "x" * 200
        heads.replace(Origin(CALLS), head, previous=previous)
        previous = head
        sizes.append(file.stat().st_size)
    assert sizes[-1] == sizes[0] < HEAD_FILE_BYTES_MAX <= sizes[-2] < HEAD_FILE_BYTES_MAX + sizes[0]
    assert heads.copies(CALLS) == [previous]


def test_a_checkpoint_of_more_than_the_folder_has_room_for_is_one_finding():
    claimed = sign_checkpoint(Checkpoint(CALLS, GAP_MAX + 1, bytes(32)), signer()).encoded.encode()
    files = {CHECKPOINT_PATH: claimed}
    (finding,) = verify_files(files.get, sorted(files), Trust(log=signer().verifier)).findings
    assert finding.what == "the checkpoint covers 65537 entries, the files here hold 0 at most"


def found_at_start(newer):
    """Tells whether a start finds a damaged cosigned checkpoint with so many newer ones, and that all together do."""
    with Rig() as rig:
        rig.run(add("only"))
        signed = rig.reader.checkpoint(CALLS)
        for number in range(newer):
            by = cosigner(f"partner.example/{number:04d}")
            note = signed.note.with_signatures([by.cosign(signed.note.text, 1)])
            rig.store.keep_cosigned(CALLS, 1, note.encoded, by.verifier.text)
        rig.store.keep_cosigned(CALLS, 1, "damaged", "a")
        assert len(audit(rig.store, CALLS, signer().verifier)) == 1
        return len(audit(rig.store, CALLS, signer().verifier, newest=AT_START)) == 1


def test_a_start_verifies_the_newest_cosigned_checkpoints():
    assert found_at_start(AT_START - 1)
    assert not found_at_start(AT_START)
