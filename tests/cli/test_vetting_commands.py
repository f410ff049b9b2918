"""`safeconduct vetting` against a running server: from nobody admitted to a call that passes."""

from types import SimpleNamespace

import pytest

from safeconduct.cli.keys import write_key
from support.programs import KEYS
from support.shell import made, serving, witness
from support.talker import talking
from support.vetting import PEOPLE, RULES, with_vetting

UNTIL = "2031-01-01T00:00:00Z"


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    root = tmp_path_factory.mktemp("vetted") / "house"
    house, key = made(root)
    for name in PEOPLE:
        write_key(house.key(name), name, KEYS[name])
    with witness(root / "witness", key) as told:
        file = house.program(told, upstream="custom", model="m")
        file.write_bytes(with_vetting(file.read_bytes(), RULES))
        assert house("program", "apply", file, "--json").code == 0
    with talking() as model, serving(house.data, "--model", model.url):
        yield SimpleNamespace(house=house, model=model, document=root / "passport.pdf", file=file)


def test_a_person_gets_from_an_application_to_a_path_that_is_ready(served):
    house = served.house
    served.document.write_bytes(b"a passport, scanned")
    ready = lambda: house("vetting", "ready", "ana", "--json").json["paths"][0]  # noqa: E731 - what this test follows
    refused = house("path", "probe", "soc-triage", "--json", by="ana")
    assert (refused.code, refused.json["told"].partition(":")[0]) == (3, "not-vetted")
    approved(served, "organization:northwind", ["registered"], by="nora", assessor="mia", reviewer="max")
    house("vetting", "provision", case_of(house, "organization:northwind"), by="max")
    assert [one["code"] for one in ready()["reasons"]] == ["not-vetted"]
    case = approved(served, "principal:ana", ["identity", "employment"], by="ana", assessor="nils", reviewer="mia")
    assert "lacks: an administrator" in house("vetting", "show", case, by="ana").out
    assert house("vetting", "provision", case, by="max").code == 0
    assert [one["code"] for one in ready()["reasons"]] == ["path-not-proven"]
    probed = house("path", "probe", "soc-triage", "--json", by="ana").json
    assert (probed["status"], probed["proven"]) == (200, True)
    assert ready() | {"reasons": []} == {"path": "soc-triage", "version": 1, "ready": True, "reasons": []}
    assert house("vetting", "show", case, "--json").json["state"] == "ready"
    assert "passport" not in house("log", "show", "--json").out
    house("vetting", "suspend", case, "--reason", "conduct", by="bo")
    told = house("vetting", "show", case, by="ana").out
    assert "calls or acts broke the agreement; appeal" in told
    assert house("path", "probe", "soc-triage", "--json", by="ana").json["told"].startswith("vetting-suspended")


def test_what_went_wrong_is_said_before_anything_is_signed(served):
    house = served.house
    assert house("vetting", "assess", "x", "identity", "--pass").error == "invalid-input"
    assert house("vetting", "decide", "x", "--approve", "--deny").error == "invalid-input"
    assert house("vetting", "show", "01ARZ3NDEKTSV4RRFFQ69G5FAV").error == "case-unknown"
    assert "nothing is said" not in house("vetting", "reasons").out
    assert house("program", "transparency", "--json").json["outcomes"] == {"approved": None}
    assert "applied: fewer than 5" in house("program", "transparency").out


def case_of(house, subject):
    return next(one["id"] for one in house("vetting", "list", "--json").json if one["subject"] == subject)


def approved(served, subject, checks, *, by, assessor, reviewer):
    house, document = served.house, ["--file", served.document]
    case = house("vetting", "open", subject, "--json", by=by).json["id"]
    for check in checks:
        words = ["--kind", "paper", "--source", "civil-registry", "--until", UNTIL]
        assert house("vetting", "submit", case, check, *document, *words, by=by).code == 0
        shown = house("vetting", "show", case, "--json").json
    assert shown["due_at"]
    for check in checks:
        assert house("vetting", "assess", case, check, *document, "--pass", by=assessor).code == 0
    assert house("vetting", "decide", case, "--approve", by=reviewer).code == 0
    return case
