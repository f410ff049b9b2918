import hashlib

import msgspec
import pytest

from safeconduct.access.compiling import compile_standing
from safeconduct.access.program import parse_program
from safeconduct.access.secrets import SECRET_BYTES, secret_hash
from safeconduct.access.tokens import LIFETIME_MAX, issue_token, list_tokens, revoke_token
from safeconduct.kernel.errors import (
    AbsentError,
    InvalidInputError,
    RefusedError,
    UnauthenticatedError,
    UnavailableError,
)
from safeconduct.kernel.instants import seconds
from support.immediate import START, ImmediateWriter
from support.programs import ACCESS, bring_into_force, demo_program, in_force, signed

OPERATION, BODY = "POST /api/v1/tokens", b"{}"
CONTENT = hashlib.sha256(BODY).hexdigest()
HOUR = START + seconds(3600)


def entropy(count):
    return bytes(range(count))


def issue(writer, by, principal, *, expires_at=HOUR, source=entropy):
    act = signed(by, OPERATION, BODY, writer.now)
    return writer.run(
        lambda tx: issue_token(
            tx, source, act, operation=OPERATION, content=CONTENT, principal=principal, expires_at=expires_at
        )
    )


def revoke(writer, by, token_id):
    act = signed(by, OPERATION, BODY, writer.now)
    writer.run(lambda tx: revoke_token(tx, act, operation=OPERATION, content=CONTENT, token_id=token_id))


def test_a_token_identifies_its_principal_and_its_secret_is_nowhere():
    writer = in_force()
    issued = issue(writer, "ana", "ana")
    assert issued.secret.startswith("sck_")
    assert len(issued.secret) == len("sck_") + 43  # 32 bytes in base64url without padding
    assert compile_standing(writer.state).identify(issued.secret, START).id == "ana"
    everything = repr(writer.state.rows) + repr(writer.entries) + repr(writer.drafts) + repr(issued)
    everything += msgspec.json.encode([dict(entry.body) for entry in writer.entries]).decode()
    for secret in (issued.secret, issued.secret.removeprefix("sck_"), bytes(range(SECRET_BYTES)).hex()):
        assert secret not in everything
    assert secret_hash(issued.secret) in everything


def test_a_token_is_an_entry_in_the_installations_own_log():
    writer = in_force()
    issue(writer, "ana", "ana")
    entry = writer.entries[-1]
    assert (entry.origin, entry.type) == ("safeconduct.example/demo/installation", "access.token.issued/1")
    assert set(entry.body) == {"id", "hash", "principal", "by", "expires_at", "signed_in"}


def test_each_token_has_its_own_secret():
    writer = in_force()
    drawn = iter((bytes(32), bytes([1] * 32)))
    first, second = (issue(writer, "ana", "ana", source=lambda _: next(drawn)) for _ in range(2))
    assert first.secret != second.secret
    assert first.id != second.id
    assert [token.id for token in list_tokens(writer.state)] == [first.id, second.id]


@pytest.mark.parametrize(("by", "principal"), [("ana", "ana"), ("ana", "triage-service"), ("ops", "ops")])
def test_who_may_issue(by, principal):
    assert issue(in_force(), by, principal).principal == principal


@pytest.mark.parametrize(("by", "principal"), [("bo", "ana"), ("bo", "triage-service"), ("bo", "nobody")])
def test_who_may_not_issue(by, principal):
    writer = in_force()
    count = len(writer.entries)
    with pytest.raises(RefusedError) as caught:
        issue(writer, by, principal)
    assert caught.value.code == "role-missing"
    assert len(writer.entries) == count


def test_an_administrator_issues_only_for_its_own_organization():
    with pytest.raises(RefusedError) as caught:
        issue(in_force(), "ops", "ana")
    assert caught.value.code == "another-organization"


def test_a_token_for_nobody_is_absent():
    with pytest.raises(AbsentError):
        issue(in_force(), "ops", "nobody")


def test_the_limits_of_a_tokens_life():
    issue(in_force(), "ana", "ana", expires_at=START + LIFETIME_MAX)
    for at in (START, START + LIFETIME_MAX + 1):
        with pytest.raises(InvalidInputError, match="within 24 hours"):
            issue(in_force(), "ana", "ana", expires_at=at)


@pytest.mark.parametrize("by", ["ana", "ops"])
def test_a_revoked_token_is_unknown_at_once_and_the_epoch_moved(by):
    writer = in_force()
    issued = issue(writer, "ana", "ana")
    before = compile_standing(writer.state).epoch
    revoke(writer, by, issued.id)
    standing = compile_standing(writer.state)
    assert standing.epoch == before + 1
    with pytest.raises(UnauthenticatedError):
        standing.identify(issued.secret, START)
    with pytest.raises(AbsentError):
        revoke(writer, "ops", issued.id)


def test_others_can_not_revoke():
    writer = in_force()
    issued = issue(writer, "ana", "ana")
    for token_id in (issued.id, "no such token"):
        with pytest.raises(RefusedError):
            revoke(writer, "bo", token_id)
    assert compile_standing(writer.state).identify(issued.secret, START).id == "ana"


def test_who_leaves_the_program_leaves_their_tokens_worthless():
    writer = in_force()
    issued = issue(writer, "ana", "triage-service")
    source = demo_program().decode()
    begin, end = source.index("  service-triage:"), source.index("policies: |")
    without = source[:begin] + source[end:].lstrip()
    lines = [line for line in without.splitlines() if not line.startswith("  triage-service:")]
    bring_into_force(writer, "\n".join(lines).encode() + b"\n")
    assert "triage-service" not in repr(parse_program("\n".join(lines).encode()).principals)
    with pytest.raises(UnauthenticatedError):
        compile_standing(writer.state).identify(issued.secret, START)


def test_before_a_program_is_in_force_there_are_no_tokens():
    with pytest.raises((UnauthenticatedError, UnavailableError)):
        issue(ImmediateWriter(ACCESS), "ana", "ana")
