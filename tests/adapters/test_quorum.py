"""Quorums over HTTP: witnesses that are down, slow or lying are never believed and stop nothing that others fill."""

import time

import pytest

from safeconduct.adapters.outbound import exchange, http_address
from safeconduct.adapters.quorum import Outcome, cosign_by_quorum
from safeconduct.adapters.refusals import WitnessError
from safeconduct.adapters.witness import WitnessFolder
from safeconduct.adapters.witness_client import ANSWER_BYTES_MAX
from safeconduct.http.witness import WitnessApp
from safeconduct.kernel.errors import UnavailableError
from safeconduct.ledger.checkpoints import SignedCheckpoint
from safeconduct.ledger.evidence import parse_evidence
from safeconduct.ledger.keys import SecretKey
from safeconduct.ledger.notes import Cosigner
from safeconduct.ledger.quorums import parse_policy
from safeconduct.ledger.trust import by_policy
from support.liars import Raw, drips, floods, says, served
from support.logs import CALLS, Clock, Counting, Rig, cosigner, signer
from support.patience import PATIENCE_S, until

DEADLINE_S = 0.5
LONG_S = float(PATIENCE_S)


class Kept:
    """What the log's side does with answers."""

    def __init__(self, *, fails=False):
        self.notes, self.stops, self.fails = [], [], fails

    def keep(self, cosigned, key):
        if self.fails:
            raise UnavailableError("the writer is closing", code="writer-closed")
        self.notes.append((cosigned, key))

    @property
    def outcome(self):
        return Outcome(keep=self.keep, stop=self.stops.append)


@pytest.fixture
def rig():
    with Rig() as made:
        made.fill(5)
        yield made


@pytest.fixture
def honest(tmp_path):
    WitnessFolder.create(tmp_path / "w", "partner.example/witness", Counting())
    made = WitnessFolder(tmp_path / "w", Clock())
    made.trust(signer().verifier)
    return made


def app(witness):
    return WitnessApp(witness.add_checkpoint, witness.kept.evidence)


def ask(rig, *witnesses, quorum="all", kept=None, timeout_s=DEADLINE_S):
    """Asks witnesses, each a (key, address), for a quorum over all of them."""
    names = [f"w{number}" for number in range(len(witnesses))]
    lines = [f"witness {name} {key.text} {url}\n" for name, (key, url) in zip(names, witnesses, strict=True)]
    policy = parse_policy("".join(lines) + f"group g {quorum} {' '.join(names)}\nquorum g\n")
    return cosign_by_quorum(
        rig.reader,
        rig.reader.checkpoint(CALLS),
        policy,
        log_key=signer().verifier,
        outcome=(kept or Kept()).outcome,
        timeout_s=timeout_s,
    )


def refused(rig, *witnesses, **named):
    with pytest.raises(WitnessError) as caught:
        ask(rig, *witnesses, **named)
    return caught.value


def text(rig):
    return rig.reader.checkpoint(CALLS).note.text


def test_all_cosignatures_stand_under_one_note_that_a_policy_accepts(rig, honest, tmp_path):
    WitnessFolder.create(tmp_path / "n", "neutral.example/w", Counting("n"))
    neutral = WitnessFolder(tmp_path / "n", Clock())
    neutral.trust(signer().verifier)
    kept = Kept()
    with served(app(honest)) as one, served(app(neutral)) as two:
        pairs = [(honest.cosigner.verifier, one), (neutral.cosigner.verifier, two)]
        cosigned = ask(rig, *pairs, kept=kept, timeout_s=LONG_S)
    lines = "".join(f"witness {key.name} {key.text}\n" for key, _url in pairs)
    policy = f"log {signer().verifier.text}\n{lines}group g all {' '.join(key.name for key, _url in pairs)}\nquorum g\n"
    signed, trust = by_policy(parse_policy(policy), CALLS).signed(cosigned.encoded)
    assert set(trust.cosigners(signed)) == {key for key, _url in pairs}
    assert {key for _signed, key in kept.notes} == {key for key, _url in pairs}


@pytest.mark.parametrize(
    "talk",
    [
        pytest.param(lambda _connection: None, id="hangs up"),
        pytest.param(lambda _connection: time.sleep(2), id="says nothing"),
        pytest.param(drips, id="a byte now and then"),
        pytest.param(floods, id="never stops"),
        pytest.param(says(b"\xff" * 100), id="garbage"),
        pytest.param(lambda connection: connection.sendall(b"SSH-2.0-x\r\n"), id="another protocol"),
        pytest.param(says("x" * (ANSWER_BYTES_MAX + 1)), id="a huge answer"),
        pytest.param(says("no", "503 Service Unavailable"), id="unavailable"),
        pytest.param(says("moved", "307 Temporary Redirect", Location="http://127.0.0.1:1/"), id="redirect"),
        pytest.param(says("5\n", "409 Conflict"), id="conflict with itself"),
        pytest.param(says("four\n", "409 Conflict"), id="no size"),
        pytest.param(says("1" * 5000 + "\n", "409 Conflict"), id="a size of many digits"),
        pytest.param(says(""), id="nothing at all"),
        pytest.param(says("\n" * 1000), id="empty lines"),
    ],
)
def test_whatever_one_does_others_fill_the_quorum_and_alone_it_is_never_believed(rig, honest, talk):
    with Raw(talk) as bad, served(app(honest)) as good:
        liar = cosigner("liar.example/w").verifier
        cosigned = ask(rig, (liar, bad.url), (honest.cosigner.verifier, good), quorum="any", timeout_s=LONG_S)
        assert cosigned.note.names(honest.cosigner.verifier)
        assert not cosigned.note.names(liar)
        kept = Kept()
        refused(rig, (liar, bad.url), kept=kept)
        both = (liar, bad.url), (honest.cosigner.verifier, good)
        until(lambda: refused(rig, *both, kept=kept) and kept.notes, says="the honest one within the deadline")
        assert [key for _signed, key in kept.notes] == [honest.cosigner.verifier]
        assert kept.stops == []


def test_one_that_is_down_or_slow_holds_up_nobody(rig, honest):
    began = time.monotonic()
    with served(app(honest)) as good, Raw(lambda _connection: time.sleep(LONG_S)) as slow:
        pairs = [(cosigner("slow").verifier, slow.url), (cosigner("down").verifier, "http://127.0.0.1:1")]
        pairs += [(honest.cosigner.verifier, good)]
        assert ask(rig, *pairs, quorum="any", timeout_s=LONG_S).note.names(honest.cosigner.verifier)
        assert time.monotonic() - began < LONG_S / 2
        error = until(lambda: told(refused(rig, *pairs, quorum="2"), "1 of 3 witnesses cosigned"))
    assert error.code == "quorum-missing"


def told(error, says):
    """Returns an error that says so, and nothing for one of a machine that had no time for anybody."""
    return error if says in error.message else None


def forgeries(rig):
    """Answers with status 200 that are no cosignature of this checkpoint by this witness."""
    me, other = cosigner("liar.example/w"), cosigner("other.example/w")
    wrong_key = Cosigner("liar.example/w", SecretKey(bytes(32)))
    yield "another's cosignature", other.cosign(text(rig), 7).line
    yield "a wrong key", wrong_key.cosign(text(rig), 7).line
    yield "another size", me.cosign(text(rig).replace("\n5\n", "\n4\n"), 7).line
    yield "another log", me.cosign(text(rig).replace(CALLS, CALLS + "x"), 7).line
    yield "another root", me.cosign(text(rig)[:-10] + "AAAAAAAA=\n", 7).line
    whole = me.cosign(text(rig), 7)
    late = type(whole)(whole.name, whole.key_id, (8).to_bytes(8) + whole.data[8:])
    yield "another time", late.line
    yield "one that verifies and one that does not", whole.line + late.line
    yield "the log's own signature", signer().sign(text(rig)).line
    yield "a whole note", rig.reader.checkpoint(CALLS).encoded
    yield "cut off", whole.line[:-1]


def test_no_other_cosignature_is_taken_for_one(rig):
    liar = cosigner("liar.example/w").verifier
    for why, answer in forgeries(rig):
        with Raw(says(answer)) as bad:
            kept = Kept()
            assert refused(rig, (liar, bad.url), kept=kept).code == "not-cosigned", why
            assert (kept.notes, kept.stops) == ([], []), why
    with Raw(says(cosigner("liar.example/w").cosign(text(rig), 7).line)) as fine:
        assert ask(rig, (liar, fine.url)).note.names(liar)


def test_a_replayed_old_cosignature_is_refused(rig):
    witness = cosigner("liar.example/w")
    old = witness.cosign(text(rig), 7).line
    rig.fill(1, start=5)
    with Raw(says(old)) as bad:
        assert refused(rig, (witness.verifier, bad.url)).code == "not-cosigned"


def test_strange_lines_in_a_good_answer_are_dropped(rig):
    me, other = cosigner("liar.example/w"), cosigner("other.example/w")
    answer = other.cosign(text(rig), 7).line + me.cosign(text(rig), 7).line * 20
    with Raw(says(answer)) as chatty:
        lines = ask(rig, (me.verifier, chatty.url)).note.signatures
    assert [line.name for line in lines] == [CALLS, "liar.example/w"]


def test_a_claim_that_is_not_shown_damns_nobody_whom_others_vouch_for(rig, honest):
    liar = cosigner("liar.example/w").verifier
    for answer in ("999\n", "5\n"):
        with Raw(says(answer, "409 Conflict")) as bad, served(app(honest)) as good:
            kept = Kept()
            pair = ((liar, bad.url), (honest.cosigner.verifier, good))
            assert ask(rig, *pair, quorum="any", kept=kept, timeout_s=LONG_S)
            assert kept.stops == []
            assert not refused(rig, (liar, bad.url), kept=kept).proven


def test_evidence_that_is_another_s_or_none_proves_nothing(rig):
    liar = cosigner("liar.example/w").verifier

    for path in ("/evidence/x", "http://elsewhere/evidence/x", "/../x"):
        with Raw(says("9\n", "409 Conflict", safeconduct_evidence=path)) as bad:
            error = refused(rig, (liar, bad.url))
            assert (error.code, error.proven) == ("log-behind-witness", False)


@pytest.mark.parametrize(("count", "code"), [(3, "log-behind-witness"), (5, "log-forked"), (7, "log-forked")])
def test_a_log_that_took_something_back_is_shown_it_under_its_own_signature(rig, honest, count, code):
    key = honest.cosigner.verifier
    with served(app(honest)) as url:
        ask(rig, (key, url), timeout_s=LONG_S)
        with Rig() as other:
            other.fill(count, start=100)
            kept = Kept()
            error = refused(other, (key, url), kept=kept, timeout_s=LONG_S)
        assert (error.code, error.proven) == (code, True)
        assert [stop.code for stop in kept.stops] == [code]
        (file,) = (honest.kept.path / "evidence").iterdir()
        got = exchange(
            http_address(f"{url}/x", ""), "GET", f"/evidence/{file.name}", timeout_s=PATIENCE_S, answer_bytes_max=10**6
        )
    assert got.body == file.read_bytes()
    assert parse_evidence(got.body, signer().verifier).proven == (count != 3)


def test_a_witness_that_is_ahead_of_this_round_damns_nobody(rig, honest):
    key, early = honest.cosigner.verifier, rig.reader.checkpoint(CALLS)
    rig.fill(3, start=5)
    with served(app(honest)) as url:
        ask(rig, (key, url), timeout_s=LONG_S)
        policy = parse_policy(f"witness w {key.text} {url}\nquorum w\n")
        kept = Kept()
        with pytest.raises(WitnessError) as caught:
            cosign_by_quorum(rig.reader, early, policy, log_key=signer().verifier, outcome=kept.outcome)
    assert (caught.value.code, kept.stops) == ("witness-ahead", [])


def test_what_can_not_be_kept_does_not_count(rig, honest):
    with served(app(honest)) as url:
        assert refused(rig, (honest.cosigner.verifier, url), kept=Kept(fails=True)).code == "writer-closed"
    assert refused(rig, (honest.cosigner.verifier, "ftp://nowhere")).code == "invalid-input"


def test_cosignatures_of_this_checkpoint_only(rig, honest):
    with served(app(honest)) as url:
        cosigned = ask(rig, (honest.cosigner.verifier, url), timeout_s=LONG_S)
    assert isinstance(cosigned, SignedCheckpoint)
    assert cosigned.checkpoint == rig.reader.checkpoint(CALLS).checkpoint
