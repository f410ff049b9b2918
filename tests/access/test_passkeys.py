"""Passkeys: who may register one, who confirms it, what it signs, and every way in that is none."""

from dataclasses import replace

import pytest

from safeconduct.access.acts import authenticate
from safeconduct.access.freezes import freeze
from safeconduct.access.passkey_model import PasskeyState
from safeconduct.access.passkeys import (
    OFFER_LIFETIME,
    PASSKEYS_MAX,
    REGISTRATION_BYTES_MAX,
    challenge_of,
    check_size,
    offer,
)
from safeconduct.access.tokens import issue_token
from safeconduct.approvals import Verdict
from safeconduct.kernel.errors import SafeconductError
from safeconduct.ledger.passkeys import Registration
from support.authenticator import SITE, Authenticator
from support.freezing import ordered
from support.granting import HOUR, granting_program
from support.passkeys import Passkeys
from support.programs import KEYS, bring_into_force, signed
from support.sign_ins import with_sign_ins


@pytest.fixture
def house():
    return Passkeys()


def refused(house, command):
    before = len(house.writer.entries)
    with pytest.raises(SafeconductError) as caught:
        command()
    assert len(house.writer.entries) == before
    return caught.value.code


def voted(house, case, held, actor, **wrong):
    operation = f"POST /api/v1/grants/{case.id}/vote"
    act = house.act_by(held, actor, operation, house.ballot(case), **wrong)
    return house.cast(case, act, Verdict.APPROVE, operation)


def test_a_registration_counts_only_when_a_second_person_confirmed_it(house):
    held, case = Authenticator("dee"), house.ask()
    passkey = house.register(house.offered("dee"), held)
    assert passkey.state is PasskeyState.WAITING
    assert refused(house, lambda: voted(house, case, held, "dee")) == "passkey-unconfirmed"
    house.confirm(passkey, "ops")
    house.vote(case, "cy")
    assert voted(house, case, held, "dee").state == "in-force"
    (said,) = (one.act["passkey"] for one in house.writer.entries if one.act and "passkey" in one.act)
    assert said["credential"] == held.credential


def test_a_passkeys_act_is_used_once_and_its_counter_kept(house):
    held, _ = house.given("dee", "ops")
    case, other = house.ask(), house.ask()
    assert voted(house, case, held, "dee", count=7).state == "asked"
    assert house.listed()[0].count == 7
    assert refused(house, lambda: voted(house, other, held, "dee", count=7)) == "passkey-cloned"
    assert refused(house, lambda: voted(house, other, held, "dee", count=0)) == "passkey-cloned"
    assert voted(house, other, held, "dee", count=8).state == "asked"


def test_an_act_of_a_passkey_is_refused_a_second_time(house):
    held, _ = house.given("dee", "ops", step=0)
    act = house.act_by(held, "dee", "POST /api/v1/freezes/start")
    said = {"operation": act.act.operation, "content": act.act.content}

    def stop():
        return house.writer.run(lambda tx: freeze(tx, act, ordered("principal:bo"), **said))

    assert stop().by == "dee"
    assert refused(house, stop) == "act-used"


def test_nobody_signs_with_anothers_passkey_or_an_unknown_one(house):
    held, _ = house.given("dee", "ops")
    case = house.ask()
    assert refused(house, lambda: voted(house, case, held, "cy")) == "passkey-unknown"
    assert refused(house, lambda: voted(house, case, Authenticator("new"), "dee")) == "passkey-unknown"


def test_a_draft_changed_by_one_byte_is_not_what_was_signed(house):
    held, _ = house.given("dee", "ops")
    case = house.ask()
    operation = f"POST /api/v1/grants/{case.id}/vote"
    body = house.ballot(case)
    act = house.act_by(held, "dee", operation, body.replace(body[10:11], b"0" if body[10:11] != b"0" else b"1", 1))
    assert refused(house, lambda: house.cast(case, act, Verdict.APPROVE, operation)) == "act-for-another-request"
    against = house.act_by(held, "dee", operation, house.ballot(case, Verdict.REJECT))
    assert refused(house, lambda: house.cast(case, against, Verdict.APPROVE, operation)) == "act-for-another-request"


def test_who_has_only_a_sign_in_registers_by_it_and_acts():
    house = Passkeys(with_sign_ins(granting_program(), key=False))
    held = Authenticator("ana")
    passkey = house.register(house.offered_to_signed_in(), held)
    house.confirm(passkey, "cy")
    act = house.act_by(held, "ana", "POST /api/v1/x")
    found = authenticate(house.state, act, operation="POST /api/v1/x", content=act.act.content, now=house.now)
    assert (found.id, found.key) == ("ana", None)


@pytest.mark.parametrize(
    ("by", "code"),
    [("ana", "role-missing"), ("ops", "another-organization"), ("cy", ""), ("dee", "another-organization")],
)
def test_whoever_stole_a_session_can_not_confirm_what_they_registered(house, by, code):
    passkey = house.register(house.offered_to_signed_in(), Authenticator("thief"))
    if code:
        assert refused(house, lambda: house.confirm(passkey, by)) == code
    else:
        told = refused(house, lambda: house.confirm(passkey, by, fingerprint="0" * 20))
        assert told == "fingerprint-differs"
        assert house.confirm(passkey, by).confirmed_by == "cy"


def test_an_administrator_does_not_confirm_their_own(house):
    own = house.register(house.offered("cy"), Authenticator("cy"))
    assert refused(house, lambda: house.confirm(own, "cy")) == "own-passkey"


def test_one_credential_or_key_is_never_two_persons(house):
    held, passkey = house.given("dee", "ops")
    again = house.offered("ops")
    assert refused(house, lambda: house.register(again, held)) == "passkey-known"
    held.id = bytes(32)  # another id over the same key
    assert refused(house, lambda: house.register(again, held)) == "passkey-known"
    house.revoke(passkey, "dee")
    assert refused(house, lambda: house.register(again, held)) == "passkey-known"


def test_an_offer_is_used_once_by_its_holder_for_ten_minutes(house):
    first = house.offered("dee")
    second = house.offered("dee")
    made = Authenticator("dee")
    assert refused(house, lambda: house.register(first, made)) == "offer-unknown"
    assert refused(house, lambda: house.register(replace(second, principal="cy"), made)) == "offer-unknown"
    house.pass_time(OFFER_LIFETIME - 1)
    house.register(second, made)
    assert refused(house, lambda: house.register(second, Authenticator("more"))) == "offer-unknown"
    late = house.offered("dee")
    house.pass_time(OFFER_LIFETIME)
    assert refused(house, lambda: house.register(late, Authenticator("late"))) == "offer-unknown"


def test_a_registration_for_another_offer_is_none(house):
    mine, other = house.offered("dee"), house.offered("cy")
    registration = Authenticator("dee").register(challenge_of(other.secret))
    with pytest.raises(SafeconductError) as caught:
        registration.verify(challenge_of(mine.secret), SITE)
    assert caught.value.code == "passkey-invalid"


def test_the_offers_secret_is_nowhere(house):
    offered = house.offered("dee")
    assert offered.secret not in repr(house.state.rows) + repr(house.writer.entries) + repr(offered)


def test_a_token_that_a_key_signed_for_is_no_sign_in(house):
    act, said = house.act("ana", "POST /api/v1/tokens")
    token = house.writer.run(
        lambda tx: issue_token(tx, house.entropy, act, **said, principal="ana", expires_at=house.now + HOUR)
    )
    for secret in (token.secret, "sck_nothing"):
        assert refused(house, lambda secret=secret: house.offered_to_signed_in(secret)) == "not-signed-in"


def test_a_person_has_a_few_and_a_registration_a_size(house):
    made = [house.register(house.offered("dee"), Authenticator(str(number))) for number in range(PASSKEYS_MAX)]
    assert refused(house, lambda: house.offered("dee")) == "passkeys-many"
    house.revoke(made[0], "dee")
    assert house.offered("dee")
    check_size(Registration(client_data=b"x", attestation=bytes(REGISTRATION_BYTES_MAX - 1)))
    with pytest.raises(SafeconductError):
        check_size(Registration(client_data=b"xx", attestation=bytes(REGISTRATION_BYTES_MAX - 1)))


@pytest.mark.parametrize(("by", "code"), [("dee", ""), ("ops", ""), ("eve", ""), ("ana", "role-missing")])
def test_revoking_waits_for_nobody(house, by, code):
    held, passkey = house.given("dee", "ops")
    if code:
        assert refused(house, lambda: house.revoke(passkey, by)) == code
        return
    house.revoke(passkey, by)
    case = house.ask()
    assert refused(house, lambda: voted(house, case, held, "dee")) == "passkey-revoked"
    assert refused(house, lambda: house.confirm(passkey, "ops")) == "passkey-revoked"
    assert refused(house, lambda: house.revoke(passkey, by)) == "passkey-revoked"


def test_a_frozen_person_revokes_and_does_nothing_else(house):
    held, passkey = house.given("dee", "ops")
    act, said = house.act("ops", "POST /api/v1/freezes/start")
    house.writer.run(lambda tx: freeze(tx, act, ordered("principal:dee"), **said))
    case = house.ask()
    assert refused(house, lambda: voted(house, case, held, "dee")) == "principal-frozen"
    assert refused(house, lambda: house.offered("dee")) == "principal-frozen"
    assert house.revoke(passkey, "dee").state is PasskeyState.REVOKED


@pytest.mark.parametrize("change", ["gone", "another"])
def test_a_passkey_does_not_outlive_whose_it_is(change):
    source, line = (
        granting_program().decode(),
        "  zoe: {organization: northwind, kind: person, key: KEY, roles: [reader]}",
    )
    line = line.replace("KEY", f'"{KEYS["stranger"].public.text}"')
    with_zoe = source.replace("principals:\n", f"principals:\n{line}\n", 1)
    house = Passkeys(with_zoe.encode())
    act = signed("zoe", "POST /api/v1/passkeys/offers", b"{}", house.now, key="stranger")
    said = {"operation": act.act.operation, "content": act.act.content}
    offered = house.writer.run(lambda tx: offer(tx, house.entropy, act, **said))
    house.confirm(house.register(offered, Authenticator("zoe")), "cy")
    another = with_zoe.replace("zoe: {organization: northwind", "zoe: {human: Zoe Two, organization: northwind")
    bring_into_force(house.writer, (source if change == "gone" else another).encode())
    assert [one.state for one in house.listed()] == [PasskeyState.REVOKED]
    bring_into_force(house.writer, with_zoe.encode())
    assert [one.state for one in house.listed()] == [PasskeyState.REVOKED]


def test_a_revocation_has_a_reason_and_an_unknown_passkey_none(house):
    _, passkey = house.given("dee", "ops")
    assert refused(house, lambda: house.revoke(passkey, "dee", reason=" ")) == "reason-missing"
    assert refused(house, lambda: house.revoke(replace(passkey, id="x" * 26), "ops")) == "passkey-absent"
    assert refused(house, lambda: house.confirm(replace(passkey, id="x" * 26), "ops")) == "passkey-absent"
