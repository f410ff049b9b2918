"""tlog-policy files: what is refused with its line, and which sets of cosigners fill a quorum."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safeconduct.kernel.errors import InvalidInputError
from safeconduct.ledger.checkpoints import Checkpoint, sign_checkpoint
from safeconduct.ledger.keys import PostQuantumSecret, SecretKey
from safeconduct.ledger.notes import Cosigner, NoteError, NoteSigner
from safeconduct.ledger.quorums import LINES_MAX, POLICY_BYTES_MAX, PolicyError, parse_policy, single
from safeconduct.ledger.trust import by_policy
from support.logs import CALLS, cosigner, signer

LOG = f"log {signer().verifier.text}\n"


def key(name):
    return cosigner(name).verifier


def witness(name):
    return f"witness {name} {key(name).text}\n"


def witnesses(*names):
    return "".join(witness(name) for name in names)


TWO_LEVELS = (
    LOG
    + witnesses("X1", "X2", "X3")
    + "group X 2 X1 X2 X3\n"
    + witnesses("Y1", "Y2", "Y3")
    + "group Y any Y1 Y2 Y3\ngroup both all X Y\nquorum both\n"
)


@pytest.mark.parametrize(
    ("cosigned", "filled"),
    [
        (("X1", "X2", "Y1"), True),
        (("X2", "X3", "Y3"), True),
        (("X1", "X2", "X3", "Y1", "Y2", "Y3"), True),
        (("X1", "Y1"), False),
        (("X1", "X2", "X3"), False),
        (("Y1", "Y2", "Y3"), False),
        ((), False),
    ],
)
def test_the_specification_s_example(cosigned, filled):
    policy = parse_policy(TWO_LEVELS)
    keys = [key(name) for name in cosigned]
    assert policy.satisfied(keys) is filled
    if filled:
        policy.check(keys)
        return
    with pytest.raises(PolicyError, match=r"needs 2 of 2 \(2 of 3 \(X1, X2, X3\), 1 of 3 \(Y1, Y2, Y3\)\)") as caught:
        policy.check(keys)
    assert caught.value.code == "quorum-missing"


@given(st.sets(st.sampled_from(["X1", "X2", "X3", "Y1", "Y2", "Y3"])))
def test_the_quorum_is_the_arithmetic_it_says(names):
    expected = len(names & {"X1", "X2", "X3"}) >= 2 and bool(names & {"Y1", "Y2", "Y3"})
    assert parse_policy(TWO_LEVELS).satisfied([key(name) for name in names]) is expected


@given(st.sets(st.sampled_from(["X1", "X2", "X3", "Y1", "Y2", "Y3"])), st.sampled_from(["X1", "X2", "Y1"]))
def test_a_further_cosignature_never_takes_a_quorum_away(names, more):
    policy = parse_policy(TWO_LEVELS)
    if policy.satisfied([key(name) for name in names]):
        assert policy.satisfied([key(name) for name in {*names, more}])


def test_blanks_comments_and_opaque_names():
    text = b"\n \t\n# a comment\n  # caf\xe9\n\t" + LOG.encode() + b"witness\tK\xe9  " + key("a").text.encode()
    policy = parse_policy(text + b" http://x:1/y \nquorum  K\xe9\t\n")
    assert (policy.witnesses[0].url, policy.quorum) == ("http://x:1/y", "K\udce9")
    with pytest.raises(PolicyError, match="is no witness or group"):
        parse_policy(text + b"\nquorum K\xc3\xa9\n")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"", "no quorum line"),
        (b"quorum none", "does not end in a newline"),
        (b"quorum none\r\n", "line 1: a policy holds no control character"),
        (b"quorum none\n\x0b\n", "line 2: a policy holds no control character"),
        (b"\x7f\nquorum none\n", "line 1: a policy holds no control character"),
        (b"quorum none\nquorum none\n", "line 2: there is a quorum line already"),
        (b"quorum\n", "line 1: quorum takes 1 to 1 items, got 0"),
        (b"quorum none none\n", "line 1: quorum takes 1 to 1 items, got 2"),
        (b"quorum a\n", "line 1: 'a' is no witness or group"),
        (("quorum a\n" + witness("a")).encode(), "line 1: 'a' is no witness or group"),
        (b"quora none\n", "line 1: expected log, witness, group or quorum"),
        (b"QUORUM none\n", "line 1: expected log, witness, group or quorum"),
        (b"log\nquorum none\n", "line 1: log takes 1 to 2 items"),
        (b"log a b c\nquorum none\n", "line 1: log takes 1 to 2 items"),
        (b"log a\nquorum none\n", "line 1: expected a verifier key"),
        (f"log {key('a').text}\nquorum none\n".encode(), "line 1: a has a cosigner's key"),
        (f"witness a {signer().verifier.text}\nquorum none\n".encode(), "line 1: a has a log's key"),
        ((LOG + LOG + "quorum none\n").encode(), "line 2: the key of .* stands in the file twice"),
        ((witness("a") + f"witness b {key('a').text}\nquorum none\n").encode(), "line 2: the key of a stands"),
        ((witness("a") + witness("a")).encode(), "line 2: the name 'a' is taken"),
        (witness("none").encode(), "line 1: the name 'none' is taken"),
        ((witness("a") + "group a all a\n").encode(), "line 2: the name 'a' is taken"),
        ((witness("a") + "group g all\n").encode(), "line 2: group takes 3 to"),
        ((witness("a") + "group g 0 a\n").encode(), "line 2: expected all, any or a number from 1 to 1"),
        ((witness("a") + "group g 01 a\n").encode(), "line 2: expected all, any or a number from 1 to 1"),
        ((witness("a") + "group g 2 a\n").encode(), "line 2: expected all, any or a number from 1 to 1"),
        ((witness("a") + "group g ALL a\n").encode(), "line 2: expected all, any or a number from 1 to 1"),
        ((witness("a") + "group g any none\n").encode(), "line 2: 'none' is no witness or group"),
        ((witness("a") + "group g any g\n").encode(), "line 2: 'g' is no witness or group"),
        ((witness("a") + "group g 2 a a\n").encode(), "line 2: 'a' is a member twice"),
        ((witness("a") + "group g any a\ngroup h any a\n").encode(), "line 3: 'a' is a member twice"),
    ],
)
def test_what_is_refused_with_its_line(text, said):
    with pytest.raises(PolicyError, match=said):
        parse_policy(text)


def test_a_log_that_would_be_its_own_witness_is_refused():
    secret = SecretKey(hashlib.sha256(b"one").digest())
    log, own = NoteSigner("log.example/a", secret).verifier.text, Cosigner("w.example", secret).verifier.text
    for text in (f"log {log}\nwitness w {own}\nquorum w\n", f"witness w {own}\nlog {log}\nquorum w\n"):
        with pytest.raises(PolicyError, match="stands in the file twice"):
            parse_policy(text)


def test_the_limits_at_their_edge_and_one_beyond():
    logs = "".join(f"log {signer(f'log.example/{n}').verifier.text}\n" for n in range(LINES_MAX + 1))
    with pytest.raises(PolicyError, match="at most 32 logs"):
        parse_policy(logs + "quorum none\n")
    assert len(parse_policy(logs[: logs.rstrip().rindex("\n") + 1] + "quorum none\n").logs) == LINES_MAX
    names = [f"w{n}" for n in range(LINES_MAX)]
    full = witnesses(*names) + "".join(f"group g{name} any {name}\n" for name in names)
    assert parse_policy(full + "quorum gw0\n").satisfied([key("w0")])
    with pytest.raises(PolicyError, match="32 witnesses"):
        parse_policy(full + witness("more") + "quorum gw0\n")
    with pytest.raises(PolicyError, match="32 groups"):
        parse_policy(full + "group more any gw0\nquorum gw0\n")
    comment = b"#" * (POLICY_BYTES_MAX - len(b"\nquorum none\n")) + b"\nquorum none\n"
    assert parse_policy(comment).vacuous
    with pytest.raises(PolicyError, match="at most 262144 bytes"):
        parse_policy(b"#" + comment)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_policy_or_an_error(raw):
    try:
        policy = parse_policy(raw)
    except InvalidInputError:
        return
    assert policy.vacuous


@given(st.integers(0, len(TWO_LEVELS) - 1), st.integers(0, 7))
def test_no_flipped_bit_makes_a_policy_ask_for_less_unseen(at, bit):
    raw = bytearray(TWO_LEVELS.encode())
    raw[at] ^= 1 << bit
    try:
        policy = parse_policy(bytes(raw))
    except InvalidInputError:
        return
    assert not policy.vacuous
    assert not policy.satisfied([])


def signed(*by, size=1):
    made = sign_checkpoint(Checkpoint(CALLS, size, bytes(32)), signer())
    return made, made.note.with_signatures([one.cosign(made.note.text, 7) for one in by])


def test_a_checkpoint_counts_only_with_its_quorum():
    mirror = Cosigner("mirror.example/m", PostQuantumSecret(bytes(32)))
    text = LOG + witness("a") + f"witness m {mirror.verifier.text}\ngroup both all a m\nquorum both\n"
    trust = by_policy(parse_policy(text), CALLS)
    _, note = signed(cosigner("a"), mirror)
    opened, narrowed = trust.signed(note.encoded)
    assert narrowed.cosigners(opened) == (key("a"), mirror.verifier)
    opened, narrowed = trust.signed(signed(cosigner("a"))[1].encoded)
    with pytest.raises(PolicyError, match="cosigned by a"):
        narrowed.cosigners(opened)
    liar = Cosigner("a", SecretKey(bytes(32)))
    opened, narrowed = trust.signed(signed(liar, mirror)[1].encoded)
    with pytest.raises(PolicyError, match="cosigned by m"):
        narrowed.cosigners(opened)


def test_a_cosignature_of_another_tree_makes_the_note_bad():
    trust = by_policy(parse_policy(LOG + witness("a") + "quorum a\n"), CALLS)
    replayed = cosigner("a").cosign(signed(size=2)[0].note.text, 7)
    opened, narrowed = trust.signed(signed()[0].note.with_signatures([replayed]).encoded)
    with pytest.raises(NoteError, match="does not verify"):
        narrowed.cosigners(opened)


def test_no_cosignature_at_all_must_be_asked_for():
    policy = parse_policy(LOG + "quorum none\n")
    with pytest.raises(PolicyError) as caught:
        by_policy(policy, CALLS)
    assert caught.value.code == "quorum-none"
    assert by_policy(policy, CALLS, vacuous=True).cosigners(signed()[0]) == ()
    with pytest.raises(PolicyError) as caught:
        by_policy(policy, "log.example/other", vacuous=True)
    assert caught.value.code == "log-unknown"


def test_a_log_may_have_several_keys():
    new = NoteSigner(CALLS, SecretKey(bytes(32)))
    trust = by_policy(parse_policy(LOG + f"log {new.verifier.text}\n" + witness("a") + "quorum a\n"), CALLS)
    for by, other in ((signer(), new), (new, signer())):
        made = sign_checkpoint(Checkpoint(CALLS, 1, bytes(32)), by)
        opened, narrowed = trust.signed(made.encoded)
        assert (narrowed.log, narrowed.former) == (by.verifier, (other.verifier,))
        both = opened.note.with_signatures([other.sign(opened.note.text)])
        assert trust.signed(both.encoded)[1].log == signer().verifier
        bad = opened.note.with_signatures([other.sign("another\n")])
        with pytest.raises(NoteError, match="does not verify"):
            trust.signed(bad.encoded)
    stranger = NoteSigner(CALLS, SecretKey(bytes([1] * 32)))
    with pytest.raises(NoteError, match="did not sign"):
        trust.signed(sign_checkpoint(Checkpoint(CALLS, 1, bytes(32)), stranger).encoded)


def test_the_short_form_is_a_policy_of_one():
    policy = parse_policy(single("w.example/a", key("a"), "http://127.0.0.1:1/"))
    assert policy.satisfied([key("a")])
    assert not policy.satisfied([key("b")])
    assert (policy.quorum, policy.witnesses[0].url) == ("w.example/a", "http://127.0.0.1:1/")
