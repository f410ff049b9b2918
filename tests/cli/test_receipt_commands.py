"""`safeconduct receipt`: keeping, checking and verifying with a disk and public keys alone."""

import time

import pytest

from safeconduct.adapters.folder import write_file
from safeconduct.cli import receipt
from safeconduct.ledger.ports import NewEntry
from safeconduct.ledger.receipts import make_receipts, receipt_text
from safeconduct.ledger.service import Logs
from safeconduct.ledger.tiles import paths_of
from safeconduct.ledger.worker_events import PROJECTIONS as WORKERS
from safeconduct.ledger.worker_events import WORKER_ANNOUNCED, WorkerAnnounced
from support.logs import PROJECTIONS, Rig, cosigner, signer
from support.patience import PATIENCE_S
from support.promises import CALLS, DEADLINE_S, WORKER, cosigned, files, receipts, tree
from support.shell import run

KEYS = ("--log-key", signer().verifier.text)
TRUSTED = (*KEYS, "--witness", cosigner().verifier.text)


def logs(rig):
    parts = {"heads": rig.heads, "keys": rig.keys, "signer": signer, "projections": rig.projections}
    return Logs(source=rig.store.reader(), frozen=rig.store.frozen, **parts)


def answer(*given):
    """What a caller may have kept: headers as they came, and the end of a stream."""
    lines = [f"HTTP/1.1 200 OK\r\nsafeconduct-receipt: {receipt_text(one)}\r\n\r\n" for one in given[:-1]]
    return "".join(lines) + f"data: [DONE]\n\n: safeconduct-receipt {receipt_text(given[-1])}\n\n"


def keep(folder, *given, keys=KEYS):
    text = folder / "answer"
    text.write_text(answer(*given))
    return run("receipt", "keep", text, "--kept", folder / "receipts", *keys, "--json")


def copy(folder, leaves, signed):
    for path, content in files(leaves, signed).items():
        file = folder / "mirror" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)


def check(folder, *words):
    words = ("--kept", folder / "receipts", "--dir", folder / "mirror", "--out", folder / "proofs", *words, *TRUSTED)
    return run("receipt", "check", *words, "--json")


def test_what_was_kept_is_proven_and_what_was_left_out_is_named(tmp_path):
    first, second, third = receipts("a", "b", "c")
    said = keep(tmp_path, first, second, third)
    assert [one["index"] for one in said.json["kept"]] == [300, 301, 302]
    copy(tmp_path, tree("a", "x"), cosigned(tree("a", "x")))
    said = check(tmp_path)
    assert said.code == 1
    assert [one["standing"] for one in said.json["receipts"]] == ["proven", "broken", "broken"]
    assert said.json["counts"] == {"proven": 1, "open": 0, "broken": 2, "worthless": 0}
    assert said.json["proofs"] == [str(tmp_path / "proofs" / f"{one.entry_id}.omission") for one in (second, third)]
    shown = [run("receipt", "verify", proof, *TRUSTED, "--json").json for proof in said.json["proofs"]]
    assert [(one["breach"], one["rests_on"]) for one in shown] == [("replaced", "log"), ("short", "witness")]
    assert [one["entry"] for one in shown] == [second.entry_id, third.entry_id]
    assert shown[0]["cosigned"] == [{"by": cosigner().verifier.name, "at_s": DEADLINE_S + 1}]


def test_without_a_cosignature_after_the_deadline_it_is_open(tmp_path):
    keep(tmp_path, *receipts("a", "b"))
    copy(tmp_path, tree("a"), cosigned(tree("a"), DEADLINE_S))
    said = check(tmp_path)
    assert said.code == 0
    assert [(one["standing"], one["overdue"]) for one in said.json["receipts"]] == [("proven", False), ("open", True)]
    assert said.json["proofs"] == []
    shown = run("receipt", "check", "--kept", tmp_path / "receipts", "--dir", tmp_path / "mirror", *TRUSTED).out
    assert "and its deadline has passed here" in shown


def test_a_workers_receipt_needs_its_key(tmp_path):
    given = receipts("a", by=WORKER)
    assert keep(tmp_path, *given).error == "unsigned"
    assert keep(tmp_path, *given, keys=(*KEYS, "--worker", WORKER.verifier.text)).code == 0
    copy(tmp_path, tree("x", "a"), cosigned(tree("x", "a")))
    assert check(tmp_path).json["counts"]["worthless"] == 1
    said = check(tmp_path, "--worker", WORKER.verifier.text)
    assert (said.code, said.json["receipts"][0]["why"]) == (0, "at index 301")


@pytest.mark.parametrize(("ahead", "code"), [(10 + 60, 0), (10 + 60 + PATIENCE_S, 2)])
def test_a_promise_of_some_day_is_none(tmp_path, ahead, code):
    entry = receipts("a")[0]
    made = make_receipts(
        [type("Entry", (), {"id": entry.entry_id, "hash": entry.leaf_hash})],
        CALLS,
        floor=0,
        deadline_s=int(time.time()) + ahead,
        signer=signer(),
    )
    said = keep(tmp_path, *made)
    assert said.code == code
    assert said.code == 0 or said.error == "deadline-too-far"


def test_nothing_is_kept_of_what_has_a_forged_receipt_in_it(tmp_path):
    good, other = receipts("a")[0], receipts("a", by=WORKER)[0]
    assert keep(tmp_path, good, other).error == "unsigned"
    assert not (tmp_path / "receipts").exists()
    empty = tmp_path / "nothing"
    empty.write_text("HTTP/1.1 200 OK\r\n\r\n")
    assert run("receipt", "keep", empty, "--kept", tmp_path / "receipts", *KEYS).error == "no-receipt"


@pytest.mark.parametrize("more", [0, 1])
def test_a_text_has_a_limit(tmp_path, monkeypatch, more):
    text = answer(*receipts("a"))
    monkeypatch.setattr(receipt, "TEXT_BYTES_MAX", len(text) - more)
    (tmp_path / "answer").write_text(text)
    said = run("receipt", "keep", tmp_path / "answer", "--kept", tmp_path / "receipts", *KEYS)
    assert (said.code, (tmp_path / "receipts").exists()) == ((2, False) if more else (0, True))


def test_a_kept_receipt_that_was_cut_or_changed_is_told(tmp_path):
    first, second = receipts("a", "b")
    keep(tmp_path, first)
    file = tmp_path / "receipts"
    file.write_text(file.read_text()[:-30])  # as a crash may leave it
    keep(tmp_path, first, second, first)
    copy(tmp_path, tree("a", "b"), cosigned(tree("a", "b")))
    said = check(tmp_path)
    assert said.code == 1
    assert said.json["damaged_lines"] == [2]
    assert [one["index"] for one in said.json["receipts"]] == [300, 301]


def test_what_can_not_be_checked(tmp_path):
    assert check(tmp_path).error == "file-unreadable"
    keep(tmp_path, *receipts("a"))
    (tmp_path / "mirror").mkdir()
    assert check(tmp_path).error == "mirror-empty"
    copy(tmp_path, tree("a"), cosigned(tree("a")))
    whole = tmp_path / "mirror" / "tile" / "0" / "001.p" / "45"
    whole.write_bytes(bytes([whole.read_bytes()[0] ^ 1]) + whole.read_bytes()[1:])
    assert check(tmp_path).error == "mirror-damaged"
    assert run("receipt", "verify", tmp_path / "none", *TRUSTED).error == "file-unreadable"
    assert run("receipt", "keep", tmp_path / "none", "--kept", tmp_path / "receipts", *KEYS).error == "file-unreadable"
    assert run("receipt", "verify", tmp_path / "receipts", *TRUSTED).error == "invalid-input"
    assert run("receipt", "verify", tmp_path / "receipts").error in {"key-missing", "invalid-input"}


def test_a_worker_s_key_is_found_where_the_log_announces_it(tmp_path):
    with Rig(projections={**PROJECTIONS, **WORKERS}) as rig:
        said = WORKER_ANNOUNCED.draft(WorkerAnnounced(worker="w", key=WORKER.verifier.text))
        rig.run(lambda tx: tx.append(CALLS, said))
        entry = rig.fill(1)[0]
        given = [NewEntry(entry.entry_id, b"", entry.leaf_hash, {})]
        kept = make_receipts(given, CALLS, floor=1, deadline_s=DEADLINE_S, signer=WORKER)
        latest = rig.reader.checkpoint(CALLS)
        note = latest.note.with_signatures([cosigner().cosign(latest.note.text, DEADLINE_S)])
        (tmp_path / "mirror").mkdir()
        (tmp_path / "mirror" / "checkpoint").write_text(note.encoded)
        for path in sorted(paths_of(2) - {"checkpoint"}):
            write_file(tmp_path / "mirror", path, logs(rig).tile(CALLS, path))
    keep(tmp_path, *kept, keys=(*KEYS, "--worker", WORKER.verifier.text))
    said = check(tmp_path)
    assert (said.code, said.json["receipts"][0]["why"]) == (0, "at index 1")
