import asyncio

import msgspec
import pytest

from safeconduct.http.acts import HEADER, encode_act
from safeconduct.http.control.audiences import READERS
from safeconduct.http.inprocess import Ask
from safeconduct.kernel.instants import rfc3339, seconds
from support.access_house import House, empty
from support.immediate import START
from support.programs import demo_program, in_force, signed
from support.restricting import setting

SOURCE = demo_program()


@pytest.fixture
def house():
    return House(in_force())


def test_a_first_program_is_planned_applied_and_in_force():
    house = empty()
    status, planned = house.check("programs/plan", SOURCE)
    assert (status, planned["waits_for"]) == (200, "northwind.example/witness")
    assert house.writer.entries == []
    status, applied = house.post("programs/apply", SOURCE)
    assert planned.pop("drift") == []
    assert (status, applied["state"], applied["plan"]) == (200, "in-force", planned)
    assert house.opened == ["safeconduct.example/demo/ag-2026-01"]
    shown = house.get("programs")[1]
    assert shown["in_force"]["request"] == applied["request"]
    assert shown["waiting"] == []
    assert house.post("programs/apply", SOURCE)[1]["state"] == "unchanged"


def test_without_the_witness_a_program_waits_and_is_shown_so():
    house = empty()
    house.witness_answers = False
    status, applied = house.post("programs/apply", SOURCE)
    assert (status, applied["state"], applied["problem"]) == (200, "waiting", "the witness does not answer")
    shown = house.get("programs")[1]
    assert shown["in_force"] is None
    (waiting,) = shown["waiting"]
    assert (waiting["request"], waiting["waits_for"]) == (applied["request"], "northwind.example/witness")
    assert house.get("paths") == (200, [])


@pytest.mark.parametrize(
    ("old", "new", "status", "code"),
    [
        (b"    tools: []", b"    provider_tools: [mcp]\n    tools: []", 400, "not-built-yet"),
        (b"upstream: local", b"upstream: openai", 400, "upstream-unknown"),
        (b"program: 1", b"program: [1", 400, "program-invalid"),
        (b"autonomy: triage", b"autonmy: triage", 400, "program-invalid"),
    ],
)
def test_a_program_that_is_wrong_is_told_with_its_place_and_leaves_no_entry(house, old, new, status, code):
    count = len(house.writer.entries)
    source = SOURCE.replace(old, new)
    for answered in (house.check("programs/plan", source), house.post("programs/apply", source)):
        assert (answered[0], answered[1]["code"]) == (status, code)
        assert answered[1]["detail"].startswith("program.yaml:")
    assert len(house.writer.entries) == count


def test_who_may_not_apply_is_refused(house):
    status, told = house.post("programs/apply", SOURCE.replace(b"deadline_s: 120", b"deadline_s: 60"), by="ana")
    assert (status, told["code"], told["clause"]) == (403, "role-missing", "principal:ana/roles")


def test_paths_and_grants_are_shown(house):
    (path,) = house.get("paths")[1]
    assert (path["id"], path["version"], len(path["digest"])) == ("soc-triage", 1, 64)
    assert house.get("paths/soc-triage")[1]["versions"] == [{"version": 1, "digest": path["digest"]}]
    assert [(grant["id"], grant["open"]) for grant in house.get("grants")[1]] == [
        ("ana-triage", True),
        ("service-triage", True),
    ]
    grant = house.get("grants/ana-triage")[1]
    assert grant["window"] == {"from": "2026-01-01T00:00:00.000000Z", "until": "2027-12-31T00:00:00.000000Z"}
    for noun in ("path", "grant"):
        status, told = house.get(f"{noun}s/none")
        assert (status, told["code"]) == (404, f"{noun}-unknown")


def test_policies_are_shown_and_explain_a_call(house):
    assert "grant-covers-call" in house.get("policies")[1]["ids"]
    status, allowed = house.get("policies/explain", principal="ana", path="soc-triage")
    assert (status, allowed["effect"], allowed["grant"]) == (200, "allow", "ana-triage")
    assert allowed["determining"] == ["grant-covers-call"]
    denied = house.get("policies/explain", principal="ana", path="soc-triage", purpose="hunting")[1]
    assert denied["effect"] == "deny"
    assert denied["reasons"][0]["clause"] == "path:soc-triage/purpose"
    nobody = house.get("policies/explain", principal="x", path="y")[1]
    assert (nobody["effect"], nobody["reasons"][0]["code"]) == ("deny", "path-unknown")


@pytest.mark.parametrize(
    ("selector", "kind", "held"),
    [("principal:ana", "hold", True), ("principal:ana", "weaker", False), ("principal:bo", "hold", None)],
)
def test_what_restricts_a_call_is_explained_too(selector, kind, held):
    house = House(in_force())
    house.writer.submit(setting(selector, kind, now=house.now()))
    told = house.get("policies/explain", principal="ana", path="soc-triage")[1]
    assert told["effect"] == "allow"
    assert [one["kind"] for one in told["restrictions"]] == ([] if held is None else [kind])
    assert bool(told["held"]) is bool(held)
    if held:
        assert told["held"]["clause"] == f"restriction:{told['restrictions'][0]['id']}"


def test_a_token_is_issued_listed_without_its_secret_and_revoked(house):
    until = rfc3339(START + seconds(3600))
    status, issued = house.post("tokens/issue", {"principal": "ana", "expires_at": until}, by="ana")
    assert (status, issued["expires_at"]) == (200, until)
    status, listed = house.get("tokens")
    assert [token["id"] for token in listed] == [issued["id"]]
    assert issued["secret"] not in repr(listed)
    assert "hash" not in listed[0]
    assert house.post(f"tokens/{issued['id']}/revoke", by="ana") == (200, {"id": issued["id"], "state": "revoked"})
    assert house.get("tokens") == (200, [])
    assert house.post(f"tokens/{issued['id']}/revoke")[0] == 404


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b'{"principal": "ana"}', b'{"principal": 1, "expires_at": ""}', b'{"principal": "ana", "x": 1}'],
)
def test_a_body_that_does_not_fit_is_told(house, body):
    status, told = house.post("tokens/issue", body)
    assert (status, told["code"]) == (400, "invalid-input")


def test_a_freeze_is_previewed_started_and_ended_with_the_partner(house):
    previewed = house.get("freezes/preview", selector="principal:ana")[1]
    assert len(previewed.pop("digest")) == 64
    assert previewed == {
        "selector": "principal:ana",
        "everybody": False,
        "cut": {"grants": ["ana-triage"], "principals": ["ana"], "paths": ["soc-triage"]},
        "narrowed": {"grants": [], "principals": [], "paths": []},
        "unaffected": {"grants": ["service-triage"], "principals": ["triage-service"], "paths": ["soc-triage"]},
        "calls": {"cut": [], "unaffected": 0},
    }
    assert house.get("freezes") == (200, [])
    status, started = house.post("freezes/start", {"selector": "principal:ana", "reason": "suspicion"})
    assert (status, started["selector"], started["by"]) == (200, "principal:ana", "ops")
    assert house.get("freezes") == (200, [started | {"agreed": [], "upstream_key": None}])
    house.witness_answers = False
    status, ending = house.post(f"freezes/{started['id']}/end")
    assert (status, ending["state"]) == (200, "waiting")
    assert house.get("freezes") == (200, [started | {"agreed": ["meridian"], "upstream_key": None}])
    assert house.get("programs")[1]["waiting"][0]["freeze"] == started["id"]
    house.witness_answers = True
    asyncio.run(house.settle())
    assert house.get("freezes") == (200, [])


def test_reading_needs_the_local_secret_or_a_known_key(house):
    paths = [path for path, methods in house.app.openapi()["paths"].items() if "get" in methods and "{" not in path]
    paths.remove("/.well-known/authzen-configuration")
    assert {f"GET {path}" for path in paths} <= READERS.keys()
    assert "/api/v1/grants" in paths
    for path in paths:
        assert house.send(Ask(method="GET", path=path))[0] == 401
    assert house.send(Ask(method="POST", path="/api/v1/programs/plan", body=SOURCE))[0] == 401
    act = encode_act(signed("ana", "GET /api/v1/paths", b"", house.now()))
    assert house.send(Ask(method="GET", path="/api/v1/paths", headers={HEADER: act}))[0] == 200


def test_a_replayed_request_is_refused(house):
    body = msgspec.json.encode({"selector": "all", "reason": "suspicion", "everybody": True})
    act = encode_act(signed("ops", "POST /api/v1/freezes/start", body, house.now()))
    request = Ask(method="POST", path="/api/v1/freezes/start", headers={HEADER: act}, body=body)
    assert house.send(request)[0] == 200
    status, told = house.send(request)
    assert (status, told["code"]) == (401, "act-used")
    assert len(house.get("freezes")[1]) == 1


def test_a_pre_release_is_not_in_what_people_below_its_tier_are_shown():
    catalogue = b"models:\n  early: {version: early-1, tier: 2, prerelease: true}\n\npaths:\n"
    source = SOURCE.replace(b"paths:\n", catalogue, 1).replace(
        b'models: ["smollm2-135m"]', b"models: [smollm2-135m, early]\n    tier: 2"
    )
    house = House(in_force(source))

    def seen(by):
        act = encode_act(signed(by, "GET /api/v1/paths/soc-triage", b"", house.now()))
        return house.send(Ask(method="GET", path="/api/v1/paths/soc-triage", headers={HEADER: act}))[1]

    assert house.get("paths/soc-triage")[1]["models"] == ["smollm2-135m", "early"]  # who has the data folder in hand
    assert seen("ana")["models"] == ["smollm2-135m"]
    assert "early" not in str(seen("ana"))
    assert seen("ana")["digest"] == house.get("paths")[1][0]["digest"]
