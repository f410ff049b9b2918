import subprocess
import sys

import pytest

from safeconduct.kernel.errors import InvalidInputError, TooLargeError
from safeconduct.policy import Entities, EntityRecord, EntityUid, PolicyInvalidError, PolicySet, Schema
from safeconduct.policy.source import POLICIES_MAX, POLICY_TEXT_BYTES_MAX, POLICY_TOKENS_MAX, statements

PERMIT = "permit (principal, action, resource)"
SCHEMA = Schema.compile("entity User = { trusted: Bool }; action call appliesTo { principal: User, resource: User };")


def test_ids_stand_in_the_order_of_the_text():
    policies = PolicySet.compile(f'@id("b") {PERMIT};\n@id("a") {PERMIT};')
    assert policies.ids == ("b", "a")


def test_semicolons_in_strings_and_comments_end_nothing():
    text = f'// one; two\n@id("a;b") {PERMIT} when {{ "x;\\"y" == "z" }}; // end;\n@id("c") {PERMIT};'
    assert [(one.line, one.text[:10]) for one in statements(text)] == [(2, '@id("a;b")'), (3, '@id("c") p')]
    assert PolicySet.compile(text).ids == ("a;b", "c")


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        (f'@id("a") {PERMIT};\n\n@id("b") {PERMIT} when {{ 1 + }};', 3, "does not parse"),
        (f'@id("a") {PERMIT};\n{PERMIT};', 2, 'has no @id("...")'),
        (f'@id("") {PERMIT};', 1, 'has no @id("...")'),
        (f'@id("a") {PERMIT};\n@id("a") {PERMIT};', 2, "already"),
        (f'\n\n@id("a") {PERMIT}', 3, "no semicolon"),
        (f'@id("a") {PERMIT};\n@id("b', 2, "a string begins here and does not end"),
        ('@id("t") permit (principal == ?principal, action, resource);', 1, "templates"),
        (f'@id("a") {PERMIT};;', 1, "does not parse"),
    ],
)
def test_what_does_not_compile_names_its_line(text, line, said):
    with pytest.raises(PolicyInvalidError) as caught:
        PolicySet.compile(text)
    assert caught.value.line == line
    assert said in caught.value.message


def test_a_policy_that_speaks_of_what_the_schema_lacks_is_refused():
    PolicySet.compile(f'@id("ok") {PERMIT} when {{ principal.trusted }};', SCHEMA)
    with pytest.raises(PolicyInvalidError, match=r"policy typo does not fit the schema.*trustd"):
        PolicySet.compile(f'@id("typo") {PERMIT} when {{ principal.trustd }};', SCHEMA)


def test_a_schema_that_is_none_is_refused():
    with pytest.raises(InvalidInputError, match="schema is not valid"):
        Schema.compile("entity")


def test_the_digest_is_of_the_text():
    first, second = PolicySet.compile(f'@id("a") {PERMIT};'), PolicySet.compile(f'@id("a")  {PERMIT};')
    assert first.digest == PolicySet.compile(first.text).digest != second.digest


def test_policies_tell_which_entities_they_name():
    policies = PolicySet.compile('\n@id("a") permit (principal == A::User::"x", action, resource);')
    assert policies.mentions == {EntityUid("A::User", "x"): 2}


def test_the_limit_on_policies():
    text = "".join(f'@id("p{number}") {PERMIT};' for number in range(POLICIES_MAX))
    assert len(PolicySet.compile(text).ids) == POLICIES_MAX
    with pytest.raises(TooLargeError, match=str(POLICIES_MAX)):
        PolicySet.compile(text + f'@id("more") {PERMIT};')


def test_the_limit_on_text():
    policy = f'@id("a") {PERMIT};'
    padded = policy + " " * (POLICY_TEXT_BYTES_MAX - len(policy))
    assert PolicySet.compile(padded).ids == ("a",)
    with pytest.raises(TooLargeError, match="bytes"):
        PolicySet.compile(padded + " ")


DEEPEST = """
from safeconduct.policy import *
from safeconduct.policy.source import POLICY_TOKENS_MAX, statements
chain = lambda unit, tokens, tail: unit * ((POLICY_TOKENS_MAX - 40) // tokens) + tail
for condition in (chain("1+", 2, "1>0"), "principal" + chain(".a", 2, ""), chain("true&&", 3, "true"),
                  chain("(", 2, "true") + chain(")", 2, ""), chain("if true then true else ", 5, "true")):
    text = f'@id("a") permit (principal, action, resource) when {{ {condition} }};'
    assert statements(text)[0].tokens > POLICY_TOKENS_MAX - 60
    try:
        PolicySet.compile(text)
    except PolicyInvalidError:
        pass
"""


def test_the_largest_policies_that_we_take_do_not_end_the_process():
    # The engine overflows its stack and takes the process with it, so this runs in another.
    assert subprocess.run([sys.executable, "-c", DEEPEST], check=False).returncode == 0


def test_the_limit_on_tokens_of_one_policy():
    (longest,) = statements("a " * (POLICY_TOKENS_MAX - 1) + ";")
    assert longest.tokens == POLICY_TOKENS_MAX
    with pytest.raises(TooLargeError, match=f"line 2: the policy has {POLICY_TOKENS_MAX + 1} tokens"):
        statements("\n" + "a " * POLICY_TOKENS_MAX + ";")


def test_text_with_a_lone_surrogate_is_refused():
    with pytest.raises(InvalidInputError, match="surrogate"):
        PolicySet.compile(f'@id("\ud800") {PERMIT};')


def test_entities_must_be_one_of_each_and_name_only_one_another():
    uid = EntityUid("User", "x")
    assert Entities.compile([EntityRecord(uid, {"self": uid})]).compiled.keys() == {uid}
    with pytest.raises(InvalidInputError, match="share a uid"):
        Entities.compile([EntityRecord(uid), EntityRecord(uid)])
    other = EntityUid("User", "y")
    for record in (EntityRecord(uid, {}, (other,)), EntityRecord(uid, {"friends": ({"best": other},)})):
        with pytest.raises(InvalidInputError, match="User:x names User:y, which is not in the store"):
            Entities.compile([record])


def test_the_order_of_entities_does_not_change_their_digest():
    records = [EntityRecord(EntityUid("User", name)) for name in "abc"]
    assert Entities.compile(records).digest == Entities.compile(records[::-1]).digest


def test_text_from_outside_can_not_pose_as_an_entity():
    uid = EntityUid("User", "x")
    posing = Entities.compile([EntityRecord(uid, {"a": {"__entity": {"type": "User", "id": "x"}}})])
    with pytest.raises(InvalidInputError, match="__entity"):
        posing.part(frozenset((uid,)))
