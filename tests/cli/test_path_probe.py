"""`safeconduct path show` and `path probe` against a running server: one real call, and what it left."""

from types import SimpleNamespace

import pytest

from safeconduct.ledger.receipts import parse_receipt
from support.shell import agreed, serving
from support.talker import talking


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    root = tmp_path_factory.mktemp("probed") / "house"
    house = agreed(root, upstream="custom", model="m")[0]
    with talking() as model, serving(house.data, "--model", model.url):
        yield SimpleNamespace(house=house, model=model)


def test_a_probe_is_one_governed_call_whose_token_ends_with_it(served):
    house, seen = served.house, len(served.model.seen)
    probed = house("path", "probe", "soc-triage", "--json", by="ana").json
    assert (probed["status"], probed["model"]) == (200, "m")
    assert len(served.model.seen) == seen + 1
    call = house("call", "show", probed["call"], "--json").json
    assert (call["state"], call["principal"], call["upstream"]) == ("completed", "ana", "custom")
    assert parse_receipt(probed["receipt"]).entry_id == probed["call"]
    assert probed["entries"]["outcome"]["index"] > probed["entries"]["intent"]["index"]
    assert house("token", "list", "--json").json == []
    assert probed["told"] in house("path", "probe", "soc-triage", by="ana").out


def test_a_probe_that_may_not_be_made_says_why_and_leaves_an_entry(served):
    said = served.house("path", "probe", "soc-triage", "--model", "gpt-9", "--json", by="ana")
    refused = said.json
    assert said.code == 3
    assert (refused["status"], refused["told"].partition(":")[0]) == (403, "model-not-allowed")
    assert refused["entries"]["refusal"]["index"]
    assert served.house("path", "probe", "soc-triage", "--json", by="bo").json["told"].startswith("path-unknown: ")


def test_show_tells_what_would_answer(served):
    document = served.house("path", "show", "soc-triage", "--json").json
    (runs,) = document["running"]
    assert runs == {"upstream": "custom", "configured": True, "inside": True, "otherwise": [], "equal": True}
    assert document["digest"] == document["versions"][-1]["digest"]
    assert "custom: asked; as published" in served.house("path", "show", "soc-triage").out
