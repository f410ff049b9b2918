"""A keeper with its real keys rewrites what it acknowledged. The partner names the entry; a third program agrees.

The keeper has everything that signs the log and may write every byte of its database. The partner has an address, its
own disk - kept receipts, a mirror, its witness - and public keys. The third has a file and two public keys. What each
attack looked like is told in docs/hostile.md, from real runs of these tests.
"""

import shutil
from dataclasses import replace

from safeconduct.ledger.receipts import DEADLINE_S
from support.hostile import ORIGIN, Keeper, cosigned, due, served, third, witnessing
from support.shell import House, until


def after(scene, entries):
    """The keeper serves what it made of its log, and the witness, back again, cosigns it: it saw nothing before."""
    scene.keeper.rewrite(entries)
    with witnessing(scene.partner, scene.told), served(scene.keeper, scene.model) as url:
        cosigned(scene.keeper, len(entries))
        assert scene.keeper.house("log", "verify", "--json").code == 0  # nobody inside sees a thing
        assert scene.partner.mirror(url).code == 0
        yield url


def standings(said):
    return {one["entry"]: one["standing"] for one in said.json["receipts"]}


def judged(scene, entry):
    """What the third program says of the partner's evidence for an entry."""
    return third(scene.partner.log_key, scene.partner.witness_key, scene.partner.evidence(entry))


def edited(scene, call):
    """The keeper changes what a call was for, in an entry that it acknowledged."""
    entries = scene.keeper.entries()
    assert any(name == call and b'"incident-triage"' in leaf for name, leaf in entries)
    return [
        (name, leaf.replace(b'"incident-triage"', b'"threat-modeling"') if name == call else leaf)
        for name, leaf in entries
    ]


def without(scene, call):
    """The keeper leaves a call out, its intent and its outcome; what came after moves up."""
    return [(name, leaf) for name, leaf in scene.keeper.entries() if call.encode() not in leaf]


def test_nobody_is_accused_who_did_nothing(scene):
    for _url in after(scene, scene.keeper.entries()):
        said = scene.partner.check()
        assert said.code == 0
        assert set(standings(said).values()) == {"proven"}


def test_an_edited_entry_is_named_and_proven(scene):
    for _url in after(scene, edited(scene, scene.calls[1])):
        said = scene.partner.check()
        assert standings(said) == dict(zip(scene.calls, ["proven", "broken", "proven"], strict=True))
    code, found = judged(scene, scene.calls[1])
    assert (code, found["shows"], found["entry"], found["origin"]) == (0, "replaced", scene.calls[1], ORIGIN)


def test_an_omitted_entry_is_named_and_proven_and_reported(scene):
    for url in after(scene, without(scene, scene.calls[1])):
        said = scene.partner.check()
        assert standings(said)[scene.calls[0]] == "proven"
        assert standings(said)[scene.calls[1]] == "broken"
        proof = scene.partner.evidence(scene.calls[1])
        report = ("receipt", "report", proof, "--url", url, "--key", scene.partner.key)
        reported = scene.partner(*report, "--json")
        assert (reported.code, reported.json["breach"], reported.json["by"]) == (0, "replaced", "ana")
        assert scene.partner(*report).error == "promise-reported"
        assert scene.keeper.log["broken_promises"] == 1
        assert scene.keeper.house("status", "--json").json["broken_promises"] == 1
        shown = scene.keeper.house("log", "show", reported.json["record"], "--json").json
        assert (shown["type"], shown["body"]["promise"]["entry"]) == ("ledger.promise.broken/1", scene.calls[1])
        assert shown["sealed"] == ["omission"]
    code, found = judged(scene, scene.calls[1])
    assert (code, found["shows"], found["entry"]) == (0, "replaced", scene.calls[1])


def test_the_last_entries_left_out_are_proven_by_the_witness_s_time(scene):
    due(DEADLINE_S + 1)
    for _url in after(scene, without(scene, scene.calls[-1])):
        said = scene.partner.check()
        assert standings(said) == dict(zip(scene.calls, ["proven", "proven", "broken"], strict=True))
    code, found = judged(scene, scene.calls[-1])
    assert (code, found["shows"], found["entry"]) == (0, "short", scene.calls[-1])
    assert found["cosigned"] > found["deadline"]


def test_an_edit_without_the_key_stops_the_log_at_start_and_names_the_entry(scene):
    scene.keeper.edit_one(scene.calls[1], b'"incident-triage"', b'"threat-modeling"')
    index = [name for name, _leaf in scene.keeper.entries()].index(scene.calls[1])
    with served(scene.keeper, scene.model) as url:
        assert scene.partner.call(url) == (503, "log-damaged")
        said = scene.keeper.house("log", "verify", "--json")
        assert said.code == 1
        found = next(log for log in said.json if log["origin"] == ORIGIN)["findings"]
        assert (found[0]["index"], found[0]["entry_id"]) == (index, scene.calls[1])
        assert scene.partner.mirror(url).error == "log-damaged"


def test_an_edit_that_the_witness_has_seen_is_cosigned_by_nobody(scene):
    """The keeper is too late: what it rewrites is evidence against it as soon as it serves it."""
    entries = scene.keeper.entries()
    changed = edited(scene, scene.calls[1])
    for _url in after(scene, entries):
        assert set(standings(scene.partner.check()).values()) == {"proven"}
    scene.keeper.rewrite(changed)
    with witnessing(scene.partner, scene.told), served(scene.keeper, scene.model) as url:
        until(lambda: scene.keeper.log["stopped"], says="the witness refuses")
        assert scene.partner.call(url)[0] == 503
        refused = scene.partner.mirror(url)
        assert (refused.code, refused.error) == (4, "log-forked")
        assert scene.partner.mirror(url, "as-served").code == 0
        said = scene.partner.check("as-served")
        assert standings(said)[scene.calls[1]] == "broken"
        assert set(standings(scene.partner.check()).values()) == {"proven"}  # its own copy still shows what was
    code, found = judged(scene, scene.calls[1])
    assert (code, found["shows"], found["cosigned"]) == (0, "replaced", None)
    forked = (scene.partner.folder / "mirror" / "evidence").glob("forked-*")
    code, found = third(scene.partner.log_key, scene.partner.witness_key, next(forked))
    assert (code, found["shows"]) == (0, "forked")  # not an entry, but the two trees: without a receipt it does
    assert any(found["cosigned"])


def test_two_views_are_held_against_each_other(scene, tmp_path):
    """The witness is shown one log, the auditor another, each signed with the log's key."""
    entries = scene.keeper.entries()
    changed = edited(scene, scene.calls[1])
    shutil.copytree(scene.keeper.house.root, tmp_path / "other")
    other = Keeper(House(tmp_path / "other"))
    for _url in after(scene, entries):
        assert scene.partner.check().code == 0
    other.rewrite(changed)
    auditor = replace(scene.partner, folder=tmp_path / "auditor")
    auditor.folder.mkdir()
    with served(other, scene.model) as url:
        assert auditor.mirror(url).code == 0
    shutil.copy(scene.partner.folder / "receipts", auditor.folder)
    assert standings(auditor.check())[scene.calls[1]] == "broken"
    code, found = third(auditor.log_key, auditor.witness_key, auditor.evidence(scene.calls[1]))
    assert (code, found["shows"], found["entry"]) == (0, "replaced", scene.calls[1])


def test_yesterday_s_backup_takes_back_what_was_promised_since(scene, tmp_path):
    """Restored as a whole, heads too: nothing inside can tell. The partner can."""
    shutil.copytree(scene.keeper.house.data, tmp_path / "yesterday")
    with witnessing(scene.partner, scene.told), served(scene.keeper, scene.model) as url:
        today = scene.partner.call(url, "today")[1]
        cosigned(scene.keeper, len(scene.keeper.entries()))
        assert scene.partner.mirror(url).code == 0
        assert scene.partner.check().code == 0
    shutil.rmtree(scene.keeper.house.data)
    shutil.copytree(tmp_path / "yesterday", scene.keeper.house.data)
    with served(scene.keeper, scene.model) as url:  # the witness is kept away, so that it can't refuse
        assert scene.keeper.house("log", "verify", "--json").code == 0
        status, again = scene.partner.call(url, "after the restore")
        assert status == 200
        assert scene.partner.mirror(url).error in {"log-rolled-back", "log-forked"}
        said = scene.partner.check()  # against its own copy, from before the restore
        assert standings(said)[today] == "proven"
        assert standings(said)[again] == "broken"
    code, found = judged(scene, again)
    assert (code, found["shows"], found["entry"]) == (0, "replaced", again)
    with witnessing(scene.partner, scene.told), served(scene.keeper, scene.model) as url:
        until(lambda: scene.keeper.log["stopped"], says="the witness has seen more")
        assert scene.partner.call(url)[0] == 503


def test_the_provider_holds_the_same_in_its_hand_for_what_it_submitted(scene, tmp_path):
    """The house is the partner's; the provider's administrator stops a path there, and keeps what he was told."""
    ops = scene.keeper.house.key("ops")
    provider = replace(scene.partner, folder=tmp_path / "provider", key=ops, reader=ops)
    provider.folder.mkdir()
    with served(scene.keeper, scene.model) as url:
        because = {"reason": "a campaign", "everybody": True}
        frozen = [
            provider.act(url, "/api/v1/freezes/start", {"selector": selector} | because)
            for selector in ("path:soc-triage", "principal:bo", "organization:northwind")
        ]
    assert [status for status, _entry in frozen] == [200, 200, 200]
    kept, left_out, _after_it = (entry for _status, entry in frozen)
    for url in after(scene, without(scene, left_out)):
        assert provider.mirror(url).code == 0
        found = standings(provider.check())
        assert (found[kept], found[left_out]) == ("proven", "broken")
    code, found = third(provider.log_key, provider.witness_key, provider.evidence(left_out))
    assert (code, found["shows"], found["entry"]) == (0, "replaced", left_out)
