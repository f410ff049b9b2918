"""The calendar over the control API, and who reads what of it."""

import asyncio
from types import SimpleNamespace
from urllib.parse import urlencode

import msgspec

from safeconduct.http.acts import HEADER, content_of, encode_act, operation_of
from safeconduct.http.control import calendar
from safeconduct.http.control.app import control_app
from safeconduct.http.inprocess import Ask, ask
from safeconduct.kernel.instants import rfc3339
from safeconduct.ledger.acts import Act, sign_act
from support.access_house import LOCAL, House
from support.granting import Granting
from support.programs import KEYS


def served(granting):
    house = House(granting.writer)
    return control_app(
        [calendar.router],
        control=house.app.state.control,
        local_secret="local",
        check_reader=house.check_reader,
        version="0",
    )


def read(app, now, by="", **query):
    encoded, path = urlencode(query), "/api/v1/calendar"
    headers = LOCAL
    if by:
        content = content_of(b"", encoded)
        act = Act(actor=by, operation=operation_of("GET", path), content=content, at=rfc3339(now), nonce=f"{now}{by}")
        headers = {HEADER: encode_act(sign_act(act, KEYS[by]))}
    reply = asyncio.run(ask(app, Ask(method="GET", path=path, query=encoded, headers=headers)))
    return SimpleNamespace(status=reply.status, body=msgspec.json.decode(reply.body))


def test_who_has_the_data_sees_all_and_a_person_their_own_and_their_organizations():
    house = Granting()
    case = house.ask(hours=3)
    app = served(house)
    every = {one["owner"] for one in read(app, house.now).body}
    assert every >= {"organization:northwind", "organization:meridian", "principal:ana"}
    assert {one["owner"] for one in read(app, house.now, by="dee").body} == {"organization:meridian"}
    (found,) = (one for one in read(app, house.now, by="ana", within=1).body if one["name"] == case.id)
    assert (found["owner"], found["at"], found["overdue"]) == ("principal:ana", rfc3339(case.decide_by), False)
    assert read(app, house.now, by="ana", owner="meridian").body == []


def test_only_days_that_a_calendar_has_are_asked_for():
    house = Granting()
    app = served(house)
    assert read(app, house.now, within=calendar.DAYS_MAX).status == 200
    for days in (-1, calendar.DAYS_MAX + 1, "soon"):
        assert read(app, house.now, within=days).status == 400
