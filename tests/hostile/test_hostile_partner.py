"""The mirror image: a partner that lies, with its witness's real key, about a log that did nothing wrong."""

import dataclasses
import http.client
import shutil
import time
from urllib.parse import urlsplit

import pytest

from safeconduct.adapters.kept_receipts import KeptReceipts
from safeconduct.ledger.checkpoints import SignedCheckpoint, parse_checkpoint
from safeconduct.ledger.keys import SecretKey
from safeconduct.ledger.merkle import HASH_BYTES, leaf_hash
from safeconduct.ledger.notes import Cosigner, NoteSigner
from safeconduct.ledger.omission import Omission, encode_omission
from safeconduct.ledger.ports import NewEntry
from safeconduct.ledger.receipts import DEADLINE_S, make_receipts, receipt_text
from safeconduct.ledger.tiles import all_tiles, bundles_of, decode_bundle, encode_bundle, tiles_of
from safeconduct.ledger.witness import Submission
from support.hostile import ORIGIN, third
from support.patience import PATIENCE_S

FIRST, SECOND = b'"incident-triage"', b'"threat-modeling"'


def witness_key(honest):
    name, _, secret = (honest.partner.folder.parent / "house" / "witness" / "witness.key").read_text().partition(" ")
    return Cosigner(name, SecretKey.parse(secret))


def judged(honest, *files):
    return third(honest.partner.log_key, honest.partner.witness_key, *files)


def keepers_proof(honest, tmp_path, entry):
    file = tmp_path / f"{entry}.tlog-proof"
    assert honest.keeper.house("log", "prove", entry, "--out", file).code == 0
    return file


def receipt_of(honest, entry):
    return next(one for one in KeptReceipts(honest.partner.folder / "receipts").read()[0] if one.entry_id == entry)


def checkpoint_before(honest):
    return parse_checkpoint((honest.partner.folder / "before" / "checkpoint").read_bytes())


def claim(honest, tmp_path, entry, checkpoint):
    """What a partner claims: at `checkpoint` the log did not have the entry that it promised."""
    receipt = receipt_of(honest, entry)
    made = Omission(receipt=receipt, checkpoint=checkpoint, start=receipt.index, leaves=(), nodes=())
    file = tmp_path / "claim.omission"
    file.write_text(encode_omission(made))
    return file


def reported(honest, file):
    report = ("receipt", "report", file, "--url", honest.url, "--key", honest.partner.key)
    said = honest.partner(*report)
    assert said.code != 0
    return said.error


def changed_mirror(honest, folder, entry, *, tiles):
    """The partner changes an entry of its copy; with `tiles`, every hash above it too. The checkpoint it can't sign."""
    shutil.copytree(honest.partner.folder / "mirror", folder)
    size = parse_checkpoint((folder / "checkpoint").read_bytes()).checkpoint.size
    leaves = []
    for bundle in bundles_of(size):
        file = folder / bundle.path
        found = decode_bundle(file.read_bytes(), bundle.width)
        leaves += [leaf.replace(FIRST, SECOND) if entry.encode() in leaf else leaf for leaf in found]
        file.write_bytes(encode_bundle(leaves[-bundle.width :]))
    if tiles:
        made = all_tiles(b"".join(map(leaf_hash, leaves)))
        for tile in tiles_of(size):
            (folder / tile.path).write_bytes(made[tile.level, tile.number][: tile.width * HASH_BYTES])
    return folder


@pytest.mark.parametrize("tiles", [False, True])
def test_a_rewritten_mirror_shows_nothing_and_the_keeper_shows_the_entry(honest, tmp_path, tiles):
    entry = honest.calls[1]
    trusted = ("--key", honest.partner.log_key, "--witness", honest.partner.witness_key)
    assert honest.partner("log", "verify", honest.partner.folder / "mirror", *trusted).code == 0
    lie = changed_mirror(honest, tmp_path / "lie", entry, tiles=tiles)
    said = honest.partner("log", "verify", lie, *trusted, "--json")
    assert (said.code, said.json["verified"]) == (1, False)
    code, found = judged(honest, keepers_proof(honest, tmp_path, entry))
    assert (code, found["shows"], found["entry"]) == (0, "included", entry)
    assert found["leaf"] == receipt_of(honest, entry).leaf_hash.hex()


def test_a_cosignature_that_was_given_can_not_be_denied(honest, tmp_path):
    proof = keepers_proof(honest, tmp_path, honest.calls[0])
    code, found = judged(honest, proof)
    assert code == 0
    assert found["cosigned"] > 0
    lines = proof.read_text().splitlines(keepends=True)
    proof.write_text("".join(line for line in lines if not line.startswith(f"— {witness_key(honest).verifier.name} ")))
    assert judged(honest, proof)[1]["cosigned"] is None


def test_a_forged_receipt_is_worth_nothing(honest, tmp_path):
    entry = NewEntry("01KAK00000000000000000000A", b"", leaf_hash(b"never said"), {})
    stranger = NoteSigner(ORIGIN, SecretKey(bytes(32)))
    forged = make_receipts([entry], ORIGIN, floor=3, deadline_s=int(time.time()) - 5, signer=stranger)[0]
    bent = receipt_of(honest, honest.calls[0])._replace(leaf_hash=leaf_hash(b"never said"))
    for receipt, why in ((forged, "unsigned"), (bent, "proof-invalid")):
        headers = tmp_path / "headers"
        headers.write_text(f"safeconduct-receipt: {receipt_text(receipt)}\n")
        keep = ("receipt", "keep", headers, "--kept", tmp_path / "kept", *honest.partner.trusted[:2])
        assert honest.partner(*keep).error == why
        latest = parse_checkpoint((honest.partner.folder / "mirror" / "checkpoint").read_bytes())
        made = Omission(receipt=receipt, checkpoint=latest, start=receipt.index, leaves=(bytes(32),), nodes=())
        file = tmp_path / "forged.omission"
        file.write_text(encode_omission(made))
        assert judged(honest, file)[0] == 1
        assert reported(honest, file) == why


def test_an_omission_that_did_not_happen_has_no_evidence(honest, tmp_path):
    """A true receipt, a true checkpoint, and whatever leaf the partner would like to have stood there."""
    latest = parse_checkpoint((honest.partner.folder / "mirror" / "checkpoint").read_bytes())
    receipt = receipt_of(honest, honest.calls[1])
    made = Omission(receipt=receipt, checkpoint=latest, start=receipt.index, leaves=(leaf_hash(b"x"),), nodes=())
    file = tmp_path / "claim.omission"
    for claimed in (made, dataclasses.replace(made, leaves=()), dataclasses.replace(made, start=receipt.index + 1)):
        file.write_text(encode_omission(claimed))
        assert judged(honest, file)[0] == 1
        assert reported(honest, file) == "proof-invalid"


def test_an_old_checkpoint_is_from_before_the_deadline(honest, tmp_path):
    file = claim(honest, tmp_path, honest.calls[1], checkpoint_before(honest))
    assert judged(honest, file) == (1, {"shows": "nothing", "why": "no witness cosigned it after the deadline"})
    assert reported(honest, file) == "not-yet-due"


def test_an_old_checkpoint_cosigned_again_makes_its_witness_a_liar(honest, tmp_path):
    """Whoever trusts the partner's own witness about the time would be taken in; the keeper has the answer."""
    entry, old = honest.calls[1], checkpoint_before(honest)
    by_log = old.note.signatures[:1]
    late = witness_key(honest).cosign(old.note.text, int(time.time()) + DEADLINE_S + 2)  # past it, whatever was rounded
    note = dataclasses.replace(old.note, signatures=(*by_log, late))
    file = claim(honest, tmp_path, entry, SignedCheckpoint(old.checkpoint, note))
    assert judged(honest, file)[1]["shows"] == "short"
    assert reported(honest, file) == "promise-kept"
    code, found = judged(honest, file, keepers_proof(honest, tmp_path, entry))
    assert (code, found["shows"], found["entry"]) == (0, "the witness contradicts itself", entry)


def test_an_old_checkpoint_sent_to_the_witness_again_is_told_its_size(honest):
    old = checkpoint_before(honest)
    where = urlsplit(honest.witness)
    connection = http.client.HTTPConnection(where.hostname, where.port, timeout=PATIENCE_S)
    connection.request("POST", "/add-checkpoint", Submission(old.checkpoint.size, (), old).encoded)
    answer = connection.getresponse()
    assert (answer.status, answer.getheader("content-type")) == (409, "text/x.tlog.size")
    assert int(answer.read()) > old.checkpoint.size
    connection.close()


def test_through_all_of_it_the_log_is_what_it_was(honest):
    assert honest.keeper.house("log", "verify", "--json").code == 0
    assert honest.keeper.log["broken_promises"] == 0
    assert {one["standing"] for one in honest.partner.check().json["receipts"]} == {"proven"}
