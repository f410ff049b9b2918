"""Over several gateway processes: pseudonyms of one are the other's, what is held for a person passes once at any."""

import concurrent.futures
import threading

import pytest

from safeconduct.boundary.tokens import TOKEN
from support.held_answers import LINK
from support.patience import PATIENCE_S
from support.serve_calls import ROUTE, chat
from support.several_workers import WORKERS, several_workers
from support.shell import made, until, witness
from support.stand_in import answer
from support.worker_sockets import Line, pids

MAIL = "ana@corp.example"
PATH = b"""    data_classes: [text, mail]
    handling: {mail: pseudonymize}
    restore: ["principal:ana"]
    output: {link: hold}
"""
GROUP = b"    groups:\n      - {organization: northwind, role: responder, count: 1}\n"
RULES = b"approvals:\n  call:\n" + GROUP + b"  answer:\n" + GROUP


@pytest.fixture(scope="module")
def served(postgres, tmp_path_factory):
    """One gateway with two workers, whose path hides mail addresses and holds links."""
    root = tmp_path_factory.mktemp("held")
    with several_workers(root, postgres, holding) as found:
        yield found


def holding(root):
    house, key = made(root)
    with witness(root / "witness", key) as told:
        file = house.program(told, upstream="custom", model="m")
        text = file.read_bytes().replace(b"    data_classes: [telemetry, unlabeled]\n", PATH, 1)
        file.write_bytes(text.replace(b"release: pass", b"release: hold-all", 1).replace(b"approvals:\n", RULES, 1))
        said = house("program", "apply", file)
        assert said.code == 0, said
    return house


@pytest.fixture
def both(served):
    """Returns a way to each worker, once both are there."""
    until(lambda: len(pids(served.process, "worker")) == WORKERS, served.process, says="workers")
    found = [Line(served.url, served.token, pid) for pid in pids(served.process, "worker")]
    for one in found:
        until(lambda one=one: one.ask("/readyz", method="GET")[0] == 200, served.process, says="ready")
    return found


def call(served, line, text, says="it is well", **headers):
    """Makes a call at one worker, whose model says this; returns status and what was told."""
    served.model.say = answer(says)
    body = chat(messages=[{"role": "user", "content": text}])
    return line.ask(ROUTE, body, **headers)


def shown(served):
    """Returns the tokens that the model was shown last."""
    return TOKEN.findall(served.model.seen[-1][1].decode())


def at_once(served, both, text, **headers):
    """Makes the same call at both workers at the same instant; returns the codes, success as nothing."""
    served.model.say = answer("it is well")
    body, ready = chat(messages=[{"role": "user", "content": text}]), threading.Barrier(len(both))

    def run(line):
        line.open()
        ready.wait(PATIENCE_S)
        status, told = line.ask(ROUTE, body, **headers)
        return "" if status == 200 else told["error"]["code"]

    with concurrent.futures.ThreadPoolExecutor(len(both)) as pool:
        return sorted(pool.map(run, both))


def approved(served, listed_before):
    """Has bo look where that is asked, and approve what was held since; returns its approval."""
    waiting = [one for one in held(served) if one["approval"]["id"] not in listed_before]
    (one,) = waiting
    approval = one["approval"]["id"]
    if "field" in one:
        seen = served.house("call", "look", approval, "--reason", "a look", "--json", by="bo")
        assert LINK in str(seen.json["answer"]), seen
    voted = served.house("call", "approve", approval, "--reason", "a public page", by="bo")
    assert voted.code == 0, voted
    return approval


def held(served):
    return served.house("call", "held", "--json").json


def ids(served):
    return {one["approval"]["id"] for one in held(served)}


def test_what_one_worker_replaced_has_one_token_at_both_and_is_restored_by_either(served, both):
    for number, (first, second) in enumerate((both, both[::-1])):
        session, other = f"mail-{number}", f"other-{number}"
        status, _ = call(served, first, f"who is {MAIL}", safeconduct_session=session)
        assert status == 200
        (token,) = shown(served)
        assert MAIL not in served.model.seen[-1][1].decode()
        status, told = call(served, second, f"and {MAIL}?", f"{token} is well", safeconduct_session=session)
        assert (status, shown(served)) == (200, [token])
        assert told["choices"][0]["message"]["content"] == f"{MAIL} is well"
        status, told = call(served, second, f"who is {MAIL}", f"{token} is well", safeconduct_session=other)
        assert status == 200
        assert shown(served) != [token]
        assert MAIL not in told["choices"][0]["message"]["content"]


def test_one_value_that_both_replace_at_the_same_instant_has_one_token(served, both):
    for number in range(3):
        session, mail = f"raced-{number}", f"eve{number}@corp.example"
        before = len(served.model.seen)
        assert at_once(served, both, f"who is {mail}", safeconduct_session=session) == ["", ""]
        tokens = {token for _, body in served.model.seen[before:] for token in TOKEN.findall(body.decode())}
        assert len(served.model.seen) - before == WORKERS
        assert len(tokens) == 1, tokens


@pytest.fixture
def restricted(served):
    """Has a person approve each call of ana's, until the test is over."""
    said = served.house("restrict", "principal:ana", "--hold", "--reason", "a test", "--json", by="ops")
    assert said.code == 0, said
    yield
    assert served.house("unrestrict", said.json["id"], by="ops").code == 0


@pytest.mark.usefixtures("restricted")
def test_a_call_that_one_worker_held_passes_once_over_both(served, both):
    before, asked = ids(served), len(served.model.seen)
    for line in both:  # the second asks for nothing more
        status, told = call(served, line, "held whole")
        assert (status, told["error"]["code"]) == (403, "approval-required"), told
    used = approved(served, before)
    assert at_once(served, both, "held whole") == ["", "approval-required"]
    assert len(served.model.seen) == asked + 1
    assert ids(served) - before not in ({used}, set())  # its equal waits for an approval of its own


def test_an_answer_that_one_worker_held_is_fetched_once_over_both(served, both):
    for number in range(3):
        before, text = ids(served), f"hold {number} of {MAIL}"
        status, told = call(served, both[number % 2], text, LINK)
        assert (status, told["error"]["code"]) == (403, "answer-held"), told
        until(lambda before=before: ids(served) - before, served.process, says="its place")
        fetching = {"safeconduct_approval": approved(served, before)}
        asked = len(served.model.seen)
        assert at_once(served, both, text, **fetching) == ["", "approval-consumed"]
        assert len(served.model.seen) == asked
        ends = [one for one in served.house("call", "list", "--json").json if one["state"] == "held"]
        assert len(ends) >= number + 1
