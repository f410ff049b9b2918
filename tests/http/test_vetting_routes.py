"""Vetting over the control API: who sees which case, and that what is not theirs is not there for them."""

import asyncio
import contextlib
from dataclasses import fields
from types import SimpleNamespace

import msgspec
import pytest

from safeconduct.access.compiling import compile_standing
from safeconduct.access.reading_rights import reader_by
from safeconduct.http.acts import HEADER, encode_act
from safeconduct.http.control import vetting
from safeconduct.http.control.app import control_app
from safeconduct.http.control.context import Control
from safeconduct.http.inprocess import Ask, ask
from safeconduct.kernel.errors import AbsentError
from safeconduct.runtime.in_force import InForce
from support.access_house import LOCAL
from support.programs import signed
from support.vetting_house import House

ROUTE = "/api/v1/vetting"


class Api(House):
    """The house with its routes; the log knows one probe."""

    def __init__(self):
        super().__init__()
        given = {
            "writer": self.writer,
            "snapshot": lambda: contextlib.nullcontext(self.state),
            "in_force": InForce(lambda: compile_standing(self.state)),
            "clock": SimpleNamespace(now=lambda: self.now),
            "probes": self,
        }
        self.app = control_app(
            [vetting.router],
            control=Control(**{field.name: None for field in fields(Control)} | given),
            local_secret="local",
            check_reader=self.check_reader,
            version="0",
        )

    def probed(self, call):
        if call != "the-call":
            raise AbsentError("no such call", code="call-unknown")
        return self.probe()

    def check_reader(self, act):
        return reader_by(self.state, act, self.now)

    def get(self, path, by=None):
        headers = LOCAL if by is None else {HEADER: encode_act(signed(by, f"GET {ROUTE}{path}", b"", self.now))}
        return self.send(Ask(method="GET", path=f"{ROUTE}{path}", headers=headers))

    def post(self, path, body, by):
        content = msgspec.json.encode(body)
        act = encode_act(signed(by, f"POST {ROUTE}{path}", content, self.now))
        return self.send(Ask(method="POST", path=f"{ROUTE}{path}", headers={HEADER: act}, body=content))

    def send(self, request):
        reply = asyncio.run(ask(self.app, request))
        document = msgspec.json.decode(reply.body)
        return reply.status, document if reply.status == 200 else document["code"]


@pytest.fixture(scope="module")
def api():
    made = Api()
    made.case_id = made.open()
    made.submit(made.case_id, "identity", "employment")
    return made


STEPS = {
    "submit": {
        "evidence": [
            {"check": "identity", "kind": "x", "sha256": "0" * 64, "source": "x", "expires_at": "2031-01-01T00:00:00Z"}
        ]
    },
    "assess": {"check": "identity", "sha256": "0" * 64, "verdict": "pass"},
    "decide": {"ruling": "approve"},
    "appeal": {"reason": "bias"},
    "provision": {},
    "suspend": {"reason": "conduct"},
    "withdraw": {},
}


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("by", ["cyd", "ana"])
def test_a_case_that_is_not_ones_own_is_not_there(api, step, by):
    hidden = api.firm if hasattr(api, "firm") else api.open("principal:nora", "nora")
    api.firm = hidden
    before = api.state.copy().rows
    absent = api.post(f"/{hidden[:-1]}Z/{step}", STEPS[step], by)
    assert api.post(f"/{hidden}/{step}", STEPS[step], by) == absent == (404, "case-unknown")
    assert api.state.rows == before


@pytest.mark.parametrize(("by", "seen"), [("cyd", 0), ("ana", 1), ("bo", 2), ("mia", 2), ("ops", 2), (None, 2)])
def test_everybody_sees_their_own_and_judges_see_all(api, by, seen):
    if not hasattr(api, "firm"):
        api.firm = api.open("principal:nora", "nora")
    status, listed = api.get("", by)
    assert (status, len(listed)) == (200, seen)
    shown, hidden = (200, 404) if seen == 1 else (404, 404) if not seen else (200, 200)
    assert (api.get(f"/{api.case_id}", by)[0], api.get(f"/{api.firm}", by)[0]) == (shown, hidden)
    assert api.get("/readiness/ana", by)[0] == shown
    assert api.get("/readiness/nobody", by) == (404, "principal-unknown")
    assert api.get("/transparency", by)[0] == 200


def test_a_case_tells_its_due_date_and_what_it_lacks_and_no_inner_digest(api):
    document = api.get(f"/{api.case_id}", "ana")[1]
    assert (document["state"], document["overdue"], document["told"]) == ("submitted", False, None)
    assert document["due_at"].endswith("T00:00:00.000000Z")
    assert document["lacks"] == ["an assessment of employment", "an assessment of identity"]
    assert "identity" not in document
    assert {one["check"] for one in document["evidence"]} == {"identity", "employment"}


def test_what_a_body_may_not_set_it_does_not_set(api):
    forged = {"subject": "principal:bo", "tier": 0, "state": "approved"}
    assert api.post("/open", forged, "bo") == (400, "invalid-input")
    assert api.post("/open", {"subject": "principal:bo", "tier": 10}, "bo") == (400, "invalid-input")
    assert api.post("/open", {"subject": "principal:ana"}, "cyd") == (404, "subject-unknown")
    assert api.post("/proofs", {"call": "another"}, "ana") == (404, "call-unknown")
    assert api.post("/proofs", {"call": "the-call"}, "ana") == (409, "vetting-state")
