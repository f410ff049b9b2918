"""`safeconduct agreement`: signed by each party on its own file, shown with every version, ended by one."""

from safeconduct.cli.keys import write_key
from support.programs import KEYS, demo_program
from support.shell import made, run, witness

UNSIGNED = demo_program()


def test_two_parties_sign_a_file_that_then_plans_and_every_version_is_shown(tmp_path):
    house, key = made(tmp_path / "house")
    for party in ("meridian", "northwind"):
        write_key(tmp_path / f"{party}.key", party, KEYS[party])
    with witness(tmp_path / "witness", key) as told:
        file = house.program(told)
        file.write_bytes(
            file.read_bytes().replace(b"  tier_ceiling: 9\n", b"  tier_ceiling: 9\n  termination_days: 30\n")
        )
        assert house("program", "plan", file).error == "agreement-signature-invalid"
        by_one = run("agreement", "sign", file, "--key", tmp_path / "meridian.key", "--json").json
        assert (by_one["signed"], by_one["signatures"]) == ("provider", {"provider": True, "partner": False})
        assert house("program", "apply", file).error == "agreement-signature-invalid"
        said = run("agreement", "sign", file, "--key", tmp_path / "northwind.key").out
        assert said.startswith(f"signed as the partner: agreement ag-2026-01 version 1, digest {by_one['digest']}")
        assert house("program", "apply", file, "--json").json["state"] == "in-force"

    shown = house("agreement", "show", "--json").json
    assert (shown["agreement"]["digest"], shown["next"], shown["warnings"]) == (by_one["digest"], None, [])
    assert {side: one["organization"] for side, one in shown["agreement"]["signed"].items()} == {
        "provider": "meridian",
        "partner": "northwind",
    }
    (version,) = house("agreement", "history", "--json").json
    entry = house("log", "show", version["entry"], "--json").json
    assert entry["type"] == "access.request.enforced/1"
    people = house("agreement", "show").out
    assert "incident-response" in people
    assert "dora-initial-after-awareness, nis2-early-warning" in people
    assert "in force by entry" in house("agreement", "history").out
    ended = house("agreement", "terminate", "--reason", "the pilot is over", "--json").json
    assert ended["agreement"]["terminates_at"]
    assert "within 30 days" in house("agreement", "show").out
    assert "within 30 days" in house("status").out
    findings = {one["check"]: one for one in house("doctor", "--json").json["findings"]}
    assert findings["agreement"]["state"] == "warn"


def test_only_a_partys_organization_key_signs_and_only_what_would_be_taken(tmp_path):
    file = tmp_path / "program.yaml"
    file.write_bytes(UNSIGNED)
    write_key(tmp_path / "ops.key", "ops", KEYS["ops"])
    refused = run("agreement", "sign", file, "--key", tmp_path / "ops.key")
    assert (refused.code, refused.error) == (3, "not-a-party")
    write_key(tmp_path / "meridian.key", "meridian", KEYS["meridian"])
    file.write_bytes(UNSIGNED.replace(b"    evidence: {provider: R, partner: A}\n", b""))
    before = file.read_bytes()
    refused = run("agreement", "sign", file, "--key", tmp_path / "meridian.key")
    assert (refused.code, refused.error, file.read_bytes()) == (2, "activity-unassigned", before)


def test_the_regulatory_clocks_are_listed_with_their_sources():
    listed = {one["id"]: one for one in run("agreement", "clocks", "--json").json}
    assert listed["gdpr-authority"]["source"] == "Regulation (EU) 2016/679, Article 33(1)"
    assert listed["sec-8k-item-1-05"]["shortest_hours"] == 72
    assert "nis2-early-warning" in run("agreement", "clocks").out


def test_a_program_to_begin_with_plans_as_it_is(tmp_path):
    house, _key = made(tmp_path / "house")
    assert run("program", "new", tmp_path / "mine", "--origin", "https://x").error == "origin-invalid"
    assert not (tmp_path / "mine").exists()  # not a key was written
    begun = run("program", "new", tmp_path / "mine", "--origin", "safeconduct.example/demo", "--json").json
    planned = house("program", "plan", begun["file"], "--json").json
    assert {"organization", "agreement", "principal", "path", "grant"} <= {one["noun"] for one in planned["changes"]}
    assert planned["waits_for"] is None
    assert house("program", "apply", begun["file"]).code == 3  # ops there has another key than this ops
    assert run("program", "new", tmp_path / "mine").error == "folder-not-empty"
