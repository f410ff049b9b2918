"""What a scope lists counts only as far as it was shown, where a path demands it, and only for as long."""

import base64
from dataclasses import replace

import pytest

from safeconduct.access import records as kept
from safeconduct.access import scopes
from safeconduct.access.compiling import compile_standing
from safeconduct.access.model.calls import CallRequest
from safeconduct.access.ownership import AGAIN_BEFORE, VALID, AuthorizationKind, Challenge, Rules, Seen
from safeconduct.access.ownership_events import VERIFY_SCOPE
from safeconduct.access.target_rules import Place
from safeconduct.kernel.effects import OUTBOX, TIMERS
from safeconduct.kernel.errors import AbsentError, InvalidInputError, RefusedError, SafeconductError
from safeconduct.kernel.instants import DAY, Instant, rfc3339
from support.immediate import START
from support.programs import KEYS, bring_into_force, demo_program, in_force, signed

DNS, FILE, RULES = AuthorizationKind.DNS_TXT, AuthorizationKind.HTTP_FILE, AuthorizationKind.RULES
SCOPE = "northwind-perimeter"
OWNER = KEYS["stranger"]
FOUND = Seen("", "the text", "TXT by 192.0.2.53")


def program(needed=DNS, owner=OWNER, *, scope=SCOPE):
    lines = f"targets: in-scope\n    authorization: {needed} "
    source = demo_program().replace(b"targets: any ", lines.encode())
    return source.replace(
        b"    authorization: Northwind's", f"    owner: {owner.public.text}\n    authorization: N".encode()
    )


def house(needed=DNS):
    return in_force(program(needed))


def challenged(writer, kind=DNS, asset="northwind.example", *, actor="ops", scheme="https", scope=SCOPE):
    operation = f"POST /api/v1/scopes/{scope}/challenge"
    act = signed(actor, operation, b"{}", writer.now)
    return writer.run(
        lambda tx: scopes.challenge(
            tx,
            act,
            operation=operation,
            content=act.act.content,
            scope=scope,
            kind=kind,
            asset=asset,
            scheme=scheme,
            token="T" * 43,
        )
    )


def ordered(writer, challenge):
    operation = f"POST /api/v1/scopes/{SCOPE}/verify"
    act = signed("ops", operation, b"{}", writer.now)
    return writer.run(
        lambda tx: scopes.order_verification(
            tx,
            act,
            operation=operation,
            content=act.act.content,
            scope=challenge.scope,
            kind=challenge.kind,
            asset=challenge.asset,
        )
    )


def verified(writer, kind=DNS, asset="northwind.example", seen=FOUND):
    challenge = challenged(writer, kind, asset)
    order = ordered(writer, challenge)
    writer.run(lambda tx: scopes.record_seen(tx, order, challenge, "ops", seen))
    return challenge


def ruled(writer, *, key=OWNER, until=None, **changes):
    end = until or rfc3339(Instant(writer.now + 30 * DAY))
    origin = kept.require_agreement(writer.state).origin
    rules = Rules(origin=origin, scope=SCOPE, document="ab" * 32, targets=("192.0.2.0/25",), until=end)
    signature = base64.b64encode(key.sign(rules.message)).decode()
    rules = replace(rules, **changes)
    operation = f"POST /api/v1/scopes/{SCOPE}/rules"
    act = signed("ops", operation, b"{}", writer.now)
    return writer.run(
        lambda tx: scopes.accept_rules(
            tx, act, operation=operation, content=act.act.content, rules=rules, signature=signature
        )
    )


def passes(writer, target, *, at=None):
    standing = compile_standing(writer.state)
    request = CallRequest(
        principal="ana",
        path="soc-triage",
        purpose="incident-triage",
        model="smollm2-135m",
        now=at or writer.now,
        targets={target: Place.ARGUMENT},
    )
    decision, _ = standing.authorize(request)
    assert decision.allowed or {reason.code for reason in decision.reasons} <= {
        "target-unproven",
        "target-outside-scope",
        "policy-forbids",
    }
    return decision.allowed


def test_what_a_scope_lists_is_outside_until_it_was_shown_where_the_path_demands_it():
    assert passes(house(AuthorizationKind.OWNER_STATEMENT), "northwind.example")
    writer = house()
    assert not passes(writer, "northwind.example")
    verified(writer)
    assert passes(writer, "northwind.example")
    assert passes(writer, "a.b.northwind.example")
    assert not passes(writer, "192.0.2.7")
    assert not passes(writer, "evil.example")


def test_an_authorization_ends_to_the_microsecond():
    writer = house()
    verified(writer)
    end = Instant(writer.now + VALID)
    assert passes(writer, "northwind.example", at=Instant(end - 1))
    assert not passes(writer, "northwind.example", at=end)
    [ends] = scopes.due(writer.state, writer.now)
    assert (ends.name, ends.at, ends.owner) == (f"{SCOPE}/dns-txt/northwind.example", end, "principal:ops")
    assert list(scopes.due(writer.state, end)) == []


def test_a_file_shows_its_own_host_alone_and_a_weaker_kind_is_not_enough():
    writer = house(FILE)
    verified(writer, FILE, "northwind.example")
    verified(writer, FILE, "192.0.2.7")
    assert passes(writer, "northwind.example")
    assert passes(writer, "192.0.2.7")
    assert not passes(writer, "www.northwind.example")
    assert not passes(writer, "192.0.2.8")
    strict = house(DNS)
    verified(strict, FILE, "northwind.example")
    assert not passes(strict, "northwind.example")


def test_a_wildcard_needs_the_parents_own_record():
    writer = house()
    verified(writer, DNS, "www.northwind.example")
    assert passes(writer, "www.northwind.example")
    assert not passes(writer, "mail.northwind.example")


@pytest.mark.parametrize(
    "seen", [Seen("record-missing", "", ""), Seen("record-differs", "x", ""), Seen("dns-failed", "", "")]
)
def test_a_challenge_that_was_not_met_shows_nothing_and_says_why(seen):
    writer = house()
    verified(writer, seen=seen)
    assert not passes(writer, "northwind.example")
    [found] = scopes.challenges(writer.state, SCOPE)
    assert (found.problem, found.looked_at) == (seen.problem, writer.now)
    assert list(writer.state.scan(OUTBOX)) == []


def test_the_first_look_of_an_order_counts_and_a_replaced_challenge_was_not_met():
    writer = house()
    first = challenged(writer)
    order = ordered(writer, first)
    challenged(writer)
    writer.run(lambda tx: scopes.record_seen(tx, order, first, "ops", FOUND))
    assert not passes(writer, "northwind.example")
    writer.run(lambda tx: scopes.record_seen(tx, order, first, "ops", FOUND))
    assert sum(entry.type.startswith("access.scope.not-verified") for entry in writer.entries) == 1


def test_it_is_looked_again_before_the_end_and_once_a_day_while_that_fails():
    writer = house()
    challenge = verified(writer)
    [(_, timer)] = [one for one in writer.state.scan(TIMERS) if one[1].kind == VERIFY_SCOPE]
    assert timer.due_at == writer.now + VALID - AGAIN_BEFORE
    end = writer.now + VALID
    writer.now = timer.due_at
    order = writer.run(lambda tx: scopes.verify_again(tx, timer))
    [(_, effect)] = list(writer.state.scan(OUTBOX))
    assert effect.body["ordered_by"] == ""
    writer.run(lambda tx: scopes.record_seen(tx, order, challenge, "", Seen("dns-failed", "", "")))
    [(_, again)] = [one for one in writer.state.scan(TIMERS) if one[1].kind == VERIFY_SCOPE]
    assert again.due_at == writer.now + DAY
    assert passes(writer, "northwind.example", at=Instant(end - 1))
    writer.now = Instant(end - 1)
    order = writer.run(lambda tx: scopes.verify_again(tx, again))
    writer.run(lambda tx: scopes.record_seen(tx, order, challenge, "", Seen("dns-failed", "", "")))
    assert [one for one in writer.state.scan(TIMERS) if one[1].kind == VERIFY_SCOPE] == []
    order = ordered(writer, challenge)
    writer.run(lambda tx: scopes.record_seen(tx, order, challenge, "ops", FOUND))
    assert passes(writer, "northwind.example", at=Instant(end + DAY))


@pytest.mark.parametrize(
    ("kind", "asset", "code"),
    [
        (DNS, "192.0.2.7", "challenge-invalid"),
        (DNS, "*.northwind.example", "challenge-invalid"),
        (DNS, "evil.example", "challenge-invalid"),
        (FILE, "192.0.2.0/24", "challenge-invalid"),
        (FILE, "198.51.100.7", "challenge-invalid"),
        (RULES, "northwind.example", "challenge-invalid"),
        (DNS, "no such", "invalid-input"),
    ],
)
def test_only_what_a_kind_can_show_of_what_the_scope_lists_is_challenged(kind, asset, code):
    with pytest.raises(InvalidInputError) as caught:
        challenged(house(), kind, asset)
    assert caught.value.code == code


def test_who_may_not_and_what_is_not_there():
    writer = house()
    with pytest.raises(RefusedError):
        challenged(writer, actor="ana")
    with pytest.raises(AbsentError):
        challenged(writer, scope="other")
    with pytest.raises(AbsentError):
        scopes.find_challenge(writer.state, SCOPE, DNS, "northwind.example")


def test_rules_that_the_owners_key_signed_show_what_they_name_until_they_end():
    writer = house(RULES)
    verified(writer)
    assert not passes(writer, "northwind.example")
    found = ruled(writer)
    assert passes(writer, "192.0.2.127")
    assert not passes(writer, "192.0.2.128")
    assert not passes(writer, "192.0.2.127", at=found.expires_at)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"key": KEYS["ops"]}, "rules-unsigned"),
        ({"targets": ("192.0.2.0/24",)}, "rules-unsigned"),
        ({"document": "ac" * 32}, "rules-unsigned"),
        ({"targets": ()}, "rules-invalid"),
        ({"targets": ("203.0.113.1",)}, "rules-invalid"),
        ({"origin": "other.example/ag"}, "rules-invalid"),
        ({"document": "ab"}, "rules-invalid"),
        ({"until": rfc3339(START)}, "rules-invalid"),
        ({"until": rfc3339(Instant(START + 400 * DAY))}, "rules-invalid"),
    ],
)
def test_rules_of_another_key_with_another_byte_or_beyond_the_scope_are_refused(changes, code):
    with pytest.raises(SafeconductError) as caught:
        ruled(house(RULES), **changes)
    assert caught.value.code == code


def test_another_owner_voids_the_rules_and_a_scope_that_is_gone_takes_all_of_it_along():
    writer = house(RULES)
    ruled(writer)
    verified(writer)
    bring_into_force(writer, program(RULES, KEYS["bo"]))
    assert not passes(writer, "192.0.2.7")
    assert [one.kind for one in scopes.authorizations(writer.state, SCOPE)] == [DNS]
    bring_into_force(writer, program(RULES).replace(SCOPE.encode(), b"renamed"))
    assert list(writer.state.scan(kept.AUTHORIZATIONS)) == []
    assert list(writer.state.scan(kept.SCOPE_CHALLENGES)) == []
    assert [one for one in writer.state.scan(TIMERS) if one[1].kind == VERIFY_SCOPE] == []


def test_a_challenge_says_for_whom_it_is():
    found = challenged(house())
    assert isinstance(found, Challenge)
    assert found.text.endswith(f" scope={SCOPE} token={'T' * 43}")
    assert found.text.startswith("safeconduct-challenge origin=safeconduct.example/demo")
