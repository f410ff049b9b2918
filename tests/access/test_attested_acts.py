"""A log shows who signed what with public keys alone: altered by a byte, an act shows nothing, nor what hangs on it."""

import base64

import pytest

from safeconduct.access.attested_acts import ActJudge
from safeconduct.access.passkey_events import CONFIRMED, REGISTERED, REVOKED
from safeconduct.approvals import Verdict
from safeconduct.approvals.events import VOTED
from support.passkeys import Passkeys
from support.programs import KEYS


@pytest.fixture(scope="module")
def entries():
    """The log of a program in which dee's passkey voted on two grants, and then was revoked."""
    house = Passkeys()
    held, passkey = house.given("dee", "ops")
    for _ in range(2):
        case = house.ask()
        operation = f"POST /api/v1/grants/{case.id}/vote"
        house.cast(case, house.act_by(held, "dee", operation, house.ballot(case)), Verdict.APPROVE, operation)
    house.revoke(passkey, "dee")
    return list(house.writer.entries)


def problems(entries, *given):
    return [(one.entry.type, one.problem) for one in ActJudge(given).judged(entries) if one.problem]


def changed(entries, kind, alter):
    """Returns the entries, the first of this type with another act."""
    at = next(place for place, one in enumerate(entries) if one.type == kind)
    return [*entries[:at], entries[at]._replace(act=alter(dict(entries[at].act))), *entries[at + 1 :]]


def test_every_act_is_verified_by_what_the_log_states(entries):
    found = list(ActJudge().judged(entries))
    assert [one for one in found if one.problem] == []
    assert sum(one.passkey for one in found) == 2
    founder = [one for one in found if not one.known]
    assert [one.actor for one in founder] == []


@pytest.mark.parametrize(
    ("part", "place"),
    [
        ("authenticator_data", 0),  # the hash of the RP id
        ("authenticator_data", 32),  # the flags
        ("authenticator_data", 36),  # the counter
        ("client_data", 40),  # the challenge
        ("client_data", -30),  # the origin
        ("signature", 12),
    ],
)
def test_each_class_of_bytes_counts(entries, part, place):
    def alter(act):
        raw = bytearray(base64.b64decode(act["passkey"][part]))
        raw[place] ^= 1
        return act | {"passkey": act["passkey"] | {part: base64.b64encode(raw).decode()}}

    ((kind, _),) = problems(changed(entries, VOTED.name, alter))
    assert kind == VOTED.name


@pytest.mark.parametrize("name", ["actor", "operation", "content", "at", "nonce"])
def test_each_part_of_the_act_counts(entries, name):
    assert problems(changed(entries, VOTED.name, lambda act: act | {name: "other"}))


def test_an_act_used_for_another_entry_is_found_by_its_counter(entries):
    votes = [one for one in entries if one.type == VOTED.name]
    again = changed(entries, VOTED.name, lambda _act: dict(votes[1].act))
    assert any("there are two of it" in problem for _, problem in problems(again))


def test_a_forged_confirmation_puts_no_passkey_in_force(entries):
    forged = changed(entries, CONFIRMED.name, lambda act: act | {"content": "0" * 64})
    assert [kind for kind, _ in problems(forged)] == [CONFIRMED.name, VOTED.name, VOTED.name]


@pytest.mark.parametrize("gone", [REGISTERED.name, CONFIRMED.name])
def test_without_its_registration_or_confirmation_a_passkey_shows_nothing(entries, gone):
    left = [one for one in entries if one.type != gone]
    assert {kind for kind, _ in problems(left)} == {VOTED.name}


def test_after_its_revocation_a_passkey_shows_nothing(entries):
    revoked = next(one for one in entries if one.type == REVOKED.name)
    moved = [one for one in entries if one.type != REVOKED.name]
    at = next(place for place, one in enumerate(moved) if one.type == VOTED.name)
    early = [*moved[:at], revoked, *moved[at:]]
    assert [kind for kind, _ in problems(early)] == [VOTED.name, VOTED.name]


def test_a_key_that_the_log_does_not_state_is_said_or_given(entries):
    asked = next(one for one in entries if one.act and one.act["actor"] == "ana")
    (alone,) = ActJudge().judged([asked])
    assert (alone.known, alone.problem) == (False, "")
    (given,) = ActJudge([KEYS["ana"].public]).judged([asked])
    assert (given.known, given.problem) == (True, "")
    assert problems([asked], KEYS["bo"].public)


def test_what_is_no_act_is_said(entries):
    (problem,) = problems(changed(entries, VOTED.name, lambda act: act | {"passkey": {}}))
    assert "no signed act" in problem[1]
