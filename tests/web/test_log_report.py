"""The report of a log on paper: what it says, and that nothing in an entry gets out of its place."""

import re

import pytest

from safeconduct.bootstrap.forms import FORMS
from safeconduct.kernel.entries import Draft
from safeconduct.kernel.errors import AbsentError, UnavailableError
from safeconduct.ledger import dossier as module
from safeconduct.ledger.checkpoints import SignedCheckpoint
from safeconduct.ledger.dossier import dossier
from safeconduct.web.log_report import BODY_CHARS_MAX, render_log_report
from support.logs import CALLS, START, Rig, add, cosigner, signer

HOSTILE = "</pre></code><script>alert(1)</script>\u202e\x1b[31m'\""


@pytest.fixture
def rig():
    with Rig() as made:
        yield made


def made(rig, about=""):
    with rig.store.frozen() as frozen:
        return dossier(frozen, CALLS, signer().verifier, FORMS, about=about)


def test_hostile_text_stays_text(rig):
    receipt = rig.run(add("a", sealed={"secret": "the plan"}, note=HOSTILE)).receipts[0]
    page = render_log_report(made(rig, receipt.entry_id), START)
    assert "<script" not in page
    assert "\u202e" not in page
    assert "the plan" not in page
    assert not re.search(r"\b(src|href)=", page)


def test_who_signed_is_told_and_who_did_not_too(rig):
    rig.fill(3)
    assert "nobody cosigned it yet" in render_log_report(made(rig), START)
    signed = rig.reader.checkpoint(CALLS)
    note = signed.note.with_signatures([cosigner().cosign(signed.note.text, 1_700_000_000)])
    rig.writer.keep_cosigned(SignedCheckpoint(signed.checkpoint, note), cosigner().verifier)
    found = made(rig)
    assert [(line.name, line.is_log, line.at_s) for line in found.signatures] == [
        (CALLS, True, None),
        ("partner.example/witness", False, 1_700_000_000),
    ]
    page = render_log_report(found, START)
    assert "witness, verified" in page
    assert "2023-11-14T22:13:20" in page


def test_a_report_about_an_id_has_what_belongs_to_it_and_nothing_else(rig):
    first = rig.run(add("a")).receipts[0]
    rig.run(add("b"))
    found = made(rig, first.entry_id)
    assert [entry.leaf.id for entry in found.entries] == [first.entry_id]
    assert found.types == {"test.thing.done/1": 2}
    with pytest.raises(AbsentError, match="belongs to"):
        made(rig, "01K9ZZZZZZZZZZZZZZZZZZZZZZ")


def test_what_does_not_fit_on_paper_is_told(rig, monkeypatch):
    monkeypatch.setattr(module, "ENTRIES_MAX", 3)
    monkeypatch.setattr(module, "_OWN", "test.")
    rig.fill(3)
    assert "more</b> are not on this page" not in render_log_report(made(rig), START)
    rig.fill(2, start=3)
    found = made(rig)
    assert (len(found.entries), found.left_out) == (3, 2)
    assert "<b>2 more</b> are not on this page" in render_log_report(found, START)


def test_the_evidence_of_a_long_entry_is_elsewhere(rig):
    body = {"key": "long", "text": "x" * module.EVIDENCE_BYTES_MAX}
    receipt = rig.run(lambda tx: tx.append(CALLS, Draft(type="test.thing.done/1", body=body))).receipts[0]
    page = render_log_report(made(rig, receipt.entry_id), START)
    assert f"safeconduct log prove {receipt.entry_id}" in page
    assert f"cut after {BODY_CHARS_MAX} characters" in page


def test_a_damaged_log_gets_no_report(rig):
    receipts = rig.fill(3)
    rig.store.tiles[CALLS, 0, 0] = bytes(len(rig.store.tiles[CALLS, 0, 0]))
    with pytest.raises(UnavailableError):
        made(rig, receipts[0].entry_id)


def test_what_names_an_id_in_its_body_belongs_to_it(rig):
    first = rig.run(add("a")).receipts[0]
    second = rig.run(add("b", about=first.entry_id)).receipts[0]
    rig.run(add("c", about="something else"))
    assert [entry.leaf.id for entry in made(rig, first.entry_id).entries] == [first.entry_id, second.entry_id]
