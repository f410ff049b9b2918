"""An answer that waits for a person: sealed whole, looked at by another, and fetched once by exactly who asked."""

import asyncio
import hashlib
import hmac
import json

import msgspec
import pytest

from safeconduct.access.readership import APART
from safeconduct.approvals import Verdict
from safeconduct.gateway.dialects.sse import KEEP_ALIVE
from safeconduct.gateway.events import CALL_INTENT, CALL_OUTCOME
from safeconduct.gateway.held_answers import ANSWER_LIFETIME, HELD_MAX, opened_answer
from safeconduct.gateway.held_events import ANSWER_HELD, BYTES_STEP, HeldAnswer
from safeconduct.gateway.label_events import CALL_LABELLED
from safeconduct.gateway.moves import End
from safeconduct.kernel.canonical import digest
from safeconduct.kernel.entries import Retention
from safeconduct.kernel.errors import ConflictError
from safeconduct.kernel.instants import Instant, seconds
from support.call_ends import JSON_HEAD, ScriptedClient, ScriptedUpstream
from support.gateway_world import AGREEMENT, PATH, log_world
from support.held_answers import EXPLOIT, LINK, Holding, body, program, upstream
from support.stand_in import answer
from support.tool_turns import DIALECTS

PSEUDONYMS = b"""    data_classes: [text, mail]
    handling: {mail: pseudonymize}
    restore: ["principal:ana"]
"""


class Echo(ScriptedUpstream):
    """Answers with a link and what it was asked."""

    def exchange(self, ask):
        said = json.loads(ask.body)["messages"][-1]["content"]
        self.script = (JSON_HEAD, json.dumps(answer(f"{LINK} {said}")).encode())
        return super().exchange(ask)


CLAUSE = "path:soc-triage/output/link"


@pytest.fixture(scope="module")
def house():
    with log_world(program=program()) as world:
        yield Holding(world)


@pytest.fixture
def own():
    with log_world(program=program()) as world:
        yield Holding(world)


def ended(house):
    """Returns the outcome of the last call."""
    return [CALL_OUTCOME.read(one) for one in house.world.entries() if one.type == CALL_OUTCOME.name][-1]


def code(client):
    return client.failure.code if client.failure else None


def received(client):
    """Returns what a client got of an answer: without the signs of life and the receipt."""
    return client.data.partition(b": safeconduct-receipt")[0].replace(KEEP_ALIVE, b"")


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("dialect", DIALECTS)
def test_an_answer_is_held_looked_at_let_go_and_fetched_once_byte_for_byte(house, dialect, stream):
    said = f"{dialect} {stream}"
    first = house.ask(dialect, stream=stream, said=said)
    held = ANSWER_HELD.read(house.held())
    outcome = ended(house)
    assert (outcome.end, outcome.why, outcome.clause) == (End.HELD, "answer-held", CLAUSE)
    assert held.found == outcome.found == {"link": 1}
    told = first.data if stream else first.failure.remedy.encode()
    assert b"answer-held" in told if stream else code(first) == "answer-held"
    assert held.approval.encode() in told
    assert b"evil.test" not in first.data
    status, opened = house.look()
    sent = b"".join(upstream(dialect, LINK, stream=stream).script[1:])
    assert (status, opened["value"]) == (200, sent.decode())
    assert house.vote()[1]["state"] == "approved"
    again = house.ask(dialect, stream=stream, said=said, approval=held.approval)
    assert again.failure is None
    assert received(again) == sent
    assert house.model.exchanges == []
    fetch = CALL_INTENT.read(house.world.reader.entry(again.call))
    assert (fetch.approval, fetch.reserved) == (held.approval, {})
    after = ended(house)
    assert (after.end, after.attempt, after.found) == (End.COMPLETED, 0, {"link": 1})
    twice = house.ask(dialect, stream=stream, said=said, approval=held.approval)
    assert (code(twice), house.model.exchanges) == ("approval-consumed", [])


def test_until_somebody_decides_it_is_told_again_and_no_model_is_asked(house):
    house.ask(said="waits")
    approval = house.approval()["id"]
    client = house.ask(said="waits", approval=approval)
    assert (code(client), approval in client.failure.remedy, house.model.exchanges) == ("answer-held", True, [])
    assert house.ask(said="waits").failure.code == "answer-held"  # without the header it is a call like any other
    assert len(house.model.exchanges) == 1


def test_a_refused_answer_stays_and_its_caller_is_told_so(house):
    house.ask(said="no")
    status, told = house.vote(verdict=Verdict.REJECT, reason="it leads out")
    assert (status, told["state"], told["votes"][0]["reason"]) == (200, "rejected", "it leads out")
    client = house.ask(said="no", approval=told["id"])
    assert (code(client), client.data, house.model.exchanges) == ("approval-rejected", b"", [])
    assert "leads out" not in str(client.failure)


def test_nobody_opens_or_lets_go_what_was_held_from_them(house):
    house.ask(said="own")
    entries = len(house.log())
    status, told = house.look(by="ana")
    assert (status, told["code"], "value" in told) == (403, "own-answer", False)
    assert house.vote(by="ana")[1]["code"] == "own-proposal"
    assert len(house.log()) == entries
    assert code(house.ask(said="own", approval=house.approval()["id"])) == "answer-held"


def test_nobody_lets_go_what_they_have_not_looked_at_or_say_nothing_about(house):
    house.ask(said="unseen")
    assert house.vote()[1]["code"] == "not-looked-at"
    house.look()
    assert house.vote(reason="")[1]["code"] == "reason-missing"
    assert house.vote(reason="", verdict=Verdict.REJECT)[1]["code"] == "reason-missing"
    assert house.approval()["state"] == "proposed"
    assert house.vote()[1]["state"] == "approved"


def test_the_opening_is_an_entry_before_the_value(house):
    house.ask(said="opened")
    _, told = house.look()
    last = house.log()[-1]
    assert (last.id, last.type) == (told["opened"], "access.field.opened/1")
    assert (last.body["entry"], last.body["field"], last.body["by"]) == (house.held().id, "answer", "bo")
    assert b"evil.test" not in house.world.reader.evidence(house.held().id).leaf


def test_a_vote_is_over_exactly_this_answer(house):
    house.ask(said="first")
    first = house.held()
    house.let_go(first)
    house.ask(said="second")
    house.look()
    assert house.vote(draft=house.approval(first)["draft"])[1]["code"] == "act-for-another-request"


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        ({"said": "mine!"}, "approved-otherwise"),
        ({"said": "mine", "session": "s-2"}, "approved-otherwise"),
        ({"said": "mine", "stream": True}, "approved-otherwise"),
        ({"said": "mine", "dialect": "openai.responses"}, "approved-otherwise"),
        ({"said": "mine", "by": "triage-service"}, "approval-unknown"),
        ({"said": "mine", "by": "bo"}, "path-unknown"),
        ({"said": "mine", "approval": "0" * 26}, "approval-unknown"),
        ({"said": "mine", "approval": "not an id"}, "header-invalid"),
    ],
)
def test_another_request_or_caller_fetches_nothing(house, other, expected):
    house.ask(said="mine")
    approval = house.let_go()
    client = house.ask(**{"approval": approval} | other)
    assert (code(client), client.data, house.model.exchanges) == (expected, b"", [])
    assert house.ask(said="mine", approval=approval).failure is None


def test_of_two_that_fetch_at_once_one_gets_it(house):
    house.ask(said="race")
    approval, runtime = house.let_go(), []

    async def both():
        house.model = upstream("openai.chat", LINK, stream=False)
        runtime.append(house.world.calls(house.model))
        clients = [ScriptedClient() for _ in range(4)]
        came = [
            runtime[0].arrival(PATH, dialect="openai.chat", token=house.world.tokens["ana"], approval=approval)
            for _ in clients
        ]
        await asyncio.gather(
            *(
                runtime[0].run(one, body("openai.chat", "race"), client)
                for one, client in zip(came, clients, strict=True)
            )
        )
        return clients

    clients = asyncio.run(both())
    assert sorted(str(code(one)) for one in clients) == ["None", *["approval-consumed"] * 3]
    assert house.model.exchanges == []


@pytest.mark.parametrize(("late", "expected"), [(-1, None), (0, "approval-expired")])
def test_it_is_fetched_within_its_lifetime_or_not_at_all(own, late, expected):
    own.ask(said="in time")
    begun = own.world.clock.at
    approval = own.let_go()
    until = Instant(begun + ANSWER_LIFETIME)
    own.world.clock.at = Instant(until - seconds(2))
    own.world.tokens["ana"] = own.world.token("ana")
    own.world.clock.at = Instant(until + late)
    client = own.ask(said="in time", approval=approval)
    assert (code(client), own.model.exchanges) == (expected, [])


@pytest.mark.parametrize("approved", [True, False])
def test_after_a_restart_it_is_still_the_same_answer(tmp_path, approved):
    with log_world(tmp_path, program=program()) as world:
        house = Holding(world)
        house.ask(said="restart")
        if approved:
            house.let_go()
        world.restart()
        after = Holding(world)
        approval = after.approval()["id"] if approved else after.let_go()
        client = after.ask(said="restart", approval=approval)
        assert received(client) == b"".join(upstream("openai.chat", LINK, stream=False).script[1:])


def test_a_frozen_caller_gets_nothing_and_the_answer_stays(own):
    own.ask(said="frozen")
    approval = own.let_go()
    own.world.run(own.world.freeze_command("principal:ana"))
    client = own.ask(said="frozen", approval=approval)
    assert (code(client), client.data) == ("frozen", b"")
    assert own.approval()["state"] == "approved"


def test_a_caller_whose_token_or_grant_is_gone_gets_nothing(own):
    own.ask(said="gone")
    approval = own.let_go()
    without = program().replace(b"  ana-triage:", b"  ana-other:", 1)
    assert without != program()
    own.world.apply(without)
    client = own.ask(said="gone", approval=approval)
    assert (code(client), client.data) == ("approved-otherwise", b"")  # under another grant it is another request
    own.world.run(own.world.revoke_command("ana"))
    assert code(own.ask(said="gone", approval=approval)) == "token-unknown"


def test_a_path_that_changed_meanwhile_hands_nothing_over(own):
    own.ask(said="changed")
    approval = own.let_go()
    own.world.apply(program(output=b"{hosts: [docs.example], link: hold}"))
    client = own.ask(said="changed", approval=approval)
    assert (code(client), client.data, own.model.exchanges) == ("approved-otherwise", b"", [])


def test_what_was_destroyed_is_refused(own):
    own.ask(said="destroyed")
    approval = own.let_go()
    key = own.world.reader.leaf(own.held().id).sealed["answer"].key
    own.world.keys.destroy([key])
    client = own.ask(said="destroyed", approval=approval)
    assert (code(client), client.data, own.model.exchanges) == ("destroyed", b"", [])
    assert own.approval()["state"] == "approved"


def test_an_exploit_is_held_apart_and_stays_apart_when_it_is_fetched(own):
    own.ask(text=EXPLOIT, said="exploit")
    entry = own.held()
    leaf = own.world.reader.leaf(entry.id)
    assert list(leaf.sealed) == [f"{APART}answer", f"{APART}salt"]
    assert leaf.retention is Retention.EXPLOIT
    approval = own.let_go(field=f"{APART}answer")
    assert own.ask(text=EXPLOIT, said="exploit", approval=approval).failure is None
    outcome = [one for one in own.world.entries() if one.type == CALL_OUTCOME.name][-1]
    assert list(own.world.reader.leaf(outcome.id).sealed) == [f"{APART}released"]


@pytest.mark.parametrize(
    ("made", "clause"),
    [
        (program(rule=b"approvals:\n"), "approvals.answer"),
        (None, "agreement.fields/gateway.answer.held/1"),
    ],
)
def test_where_nobody_could_let_it_go_it_is_withheld(made, clause):
    if made is None:
        row = b"    gateway.call.intent/"
        source = program()
        assert source.count(row) >= 1
        made = source.replace(row, b"    gateway.answer.held/answer: {readers: [provider]}\n" + row, 1)
    with log_world(program=made) as world:
        house = Holding(world)
        client = house.ask(said="nobody")
        assert (code(client), client.failure.clause) == ("released-withheld", clause)
        outcome = ended(house)
        assert (outcome.end, outcome.clause) == (End.WITHHELD, clause)
        assert not [one for one in world.entries() if one.type == ANSWER_HELD.name]


def test_so_many_answers_of_one_caller_wait_and_the_next_is_withheld(own):
    for number in range(HELD_MAX):
        assert code(own.ask(said=f"{number}")) == "answer-held"
    client = own.ask(said="one more")
    assert (code(client), client.failure.clause) == ("released-withheld", f"{CLAUSE}/waiting")
    own.vote(verdict=Verdict.REJECT)
    assert code(own.ask(said="room again")) == "answer-held"


def test_what_is_fetched_is_charged_to_no_budget():
    budget = b"    upstream: local\n    budget: {per: day, tokens: 100000}\n"
    with log_world(program=program().replace(b"    upstream: local\n", budget, 1)) as world:
        house = Holding(world)
        first = house.ask(said="cost")
        again = house.ask(said="cost", approval=house.let_go())
        reserved = [CALL_INTENT.read(world.reader.entry(one.call)).reserved for one in (first, again)]
        assert (bool(reserved[0]), reserved[1]) == (True, {})
        assert ended(house).settled == {}


def test_originals_are_put_back_before_it_is_held_and_a_person_sees_what_its_caller_gets():
    made = program().replace(b"    data_classes: [telemetry, unlabeled]\n", PSEUDONYMS)
    with log_world(program=made) as world:
        house = Holding(world)
        said = "who is ana@corp.example"
        house.ask(said=said, session="s1", model=Echo())
        value = house.look()[1]["value"]
        assert ("ana@corp.example" in value, "MAIL_" in value) == (True, False)
        assert b"ana@corp.example" not in house.model.exchanges[0].body
        again = house.ask(said=said, session="s1", approval=house.vote()[1]["id"])
        assert (received(again).decode(), house.model.exchanges) == (value, [])


def labelled(world, stage):
    found = [CALL_LABELLED.read(one) for one in world.entries() if one.type == CALL_LABELLED.name]
    return [one for one in found if one.stage == stage]


def test_what_is_fetched_has_its_labels_in_its_session():
    labels = b"  soc-triage:\n    labels: {system: trusted, readers: [staff]}\n"
    with log_world(program=program().replace(b"  soc-triage:\n", labels, 1)) as world:
        house = Holding(world)
        house.ask(said="hi", session="s1")
        assert [one.blocks for one in labelled(world, "answer")] == [()]  # nothing was said to anybody
        house.ask(said="hi", session="s1", approval=house.let_go())
        (block,) = labelled(world, "answer")[-1].blocks
        assert block.integrity == labelled(world, "request")[-1].context.integrity == "user"
        turns = [
            {"role": role, "content": text} for role, text in (("user", "hi"), ("assistant", LINK), ("user", "on"))
        ]
        for session, wanted in (("s1", ["seen", "seen", "new-turn"]), ("s2", ["not-seen", "not-seen", "new-turn"])):
            house.ask(turns=turns, text="well", session=session)
            assert [one.why for one in labelled(world, "request")[-1].blocks] == wanted


def test_the_strictest_of_several_findings_decides(own):
    client = own.ask(text=f"{LINK} The key is AKIAQ3EGRIMZ4D2NV7XA.", said="both")
    assert (code(client), client.failure.clause) == ("released-withheld", "path:soc-triage/output/secret")


def _hashes(guess, salts):
    """Returns what somebody makes of a guess: digests, and MACs under everything that they know."""
    made = {getattr(hashlib, name)(guess).hexdigest() for name in ("sha256", "sha512", "sha1", "md5")}
    made |= {hmac.digest(salt.encode(), guess, "sha256").hex() for salt in salts}
    return made | {hashlib.sha256(one.encode() + guess).hexdigest() for one in salts}


def test_who_guesses_a_held_answer_finds_nothing_that_confirms_it(own):
    own.ask(said="guess")
    entry = own.held()
    (listed,) = own.listed("ana")
    held, leaf = ANSWER_HELD.read(entry), own.world.reader.leaf(entry.id)
    answer = own.world.reader.open_field(entry.id, "answer").value.encode()
    salt = own.world.reader.open_field(entry.id, "salt").value
    shown = f"{listed} {dict(entry.body)} {leaf} {[dict(one.body) for one in own.world.entries()]}"
    for guess in (answer, answer.strip(), json.dumps(answer.decode()).encode(), LINK.encode()):
        made = _hashes(guess, [held.call, held.approval, held.request, entry.id, held.principal, ""])
        contents = {
            digest({"call": held.call, "request": held.request, name: one})
            for one in made
            for name in ("answer", "answer_sha256")
        }
        assert not [one for one in made | contents if one in shown]
    assert salt not in shown
    assert own.look(entry, by="ana", field="salt")[1]["code"] == "own-answer"
    assert own.look(entry, by="ana")[1]["code"] == "own-answer"


def test_who_may_look_checks_that_the_answer_is_the_one_that_is_voted_on(own):
    own.ask(said="commit")
    entry = own.held()
    held = ANSWER_HELD.read(entry)
    answer, salt = (own.look(entry, field=field)[1]["value"] for field in ("answer", "salt"))
    assert hmac.digest(bytes.fromhex(salt), answer.encode(), "sha256").hex() == held.answer_commitment
    assert held.content == digest({"call": held.call, "request": held.request, "answer": held.answer_commitment})
    assert (held.answer_bytes % BYTES_STEP, 0 <= held.answer_bytes - len(answer.encode()) < BYTES_STEP) == (0, True)


@pytest.mark.parametrize("changed", ["answer", "salt"])
def test_an_answer_that_is_not_the_one_that_was_held_does_not_go(own, changed):
    own.ask(said=changed)
    entry = own.held()
    found = HeldAnswer(entry=entry.id, at=entry.at, held=ANSWER_HELD.read(entry))
    other = {"answer": "another", "salt": "00" * 32}

    def opens(of, field):
        return other[field] if field == changed else own.world.reader.open_field(of, field).value

    with pytest.raises(ConflictError) as caught:
        opened_answer(opens, found)
    assert caught.value.code == "answer-lost"


def test_an_entry_of_an_earlier_build_is_read_and_its_answer_handed_over_no_more(own):
    own.ask()
    entry = own.held()
    body = msgspec.to_builtins(ANSWER_HELD.read(entry))
    del body["answer_commitment"]
    earlier = ANSWER_HELD.read(entry._replace(body=body | {"answer_sha256": "00" * 32, "answer_bytes": 7}))
    assert (earlier.approval, earlier.answer_bytes) == (ANSWER_HELD.read(entry).approval, 7)
    with pytest.raises(ConflictError) as caught:
        opened_answer(own.world.reader.open_field, HeldAnswer(entry=entry.id, at=entry.at, held=earlier))
    assert caught.value.code == "answer-lost"


def test_held_answers_are_listed_to_who_votes_and_whom_they_concern(own):
    own.ask(said="listed")
    (listed,) = own.listed()
    assert (listed["kind"], listed["field"], listed["clause"], listed["answer_bytes"] > 0) == (
        "answer",
        "answer",
        CLAUSE,
        True,
    )
    assert [one["entry"] for one in own.listed("bo")] == [listed["entry"]]
    assert "evil.test" not in str(listed)
    assert own.world.reader.entry(listed["entry"]).origin == AGREEMENT
