"""Every control route as every other tenant, on one analyst's things: docs/tenant-walk.md, and docs/spec/reading.md."""

import pytest

import tenant_walk
from safeconduct.access.reading_rights import Audience
from safeconduct.http.control.audiences import READERS
from support.tenants import POWERLESS, QUERIES, ROUTES, TENANTS, bodies, cell, tenants, walk

OPEN = {f"{method} {path}" for method, path in ROUTES if method == "POST" and path.startswith("/api/v1/sign-ins")}
OPEN |= {"POST /api/v1/credentials", "POST /api/v1/passkeys", "POST /api/v1/passkeys/offers/signed-in"}
"""Who asks these has no credential yet; what is in the body is all that speaks for it."""

FOREIGN = {"/access/v1/evaluation", "/access/v1/evaluations"}
"""AuthZEN says that properties which nobody knows are passed over."""

OF_EXECUTORS = {f"/api/v1/tool-decisions/{step}" for step in ("find", "use", "end")}
"""Who asks these shows a caller's token, as on the gateway, and signs nothing."""

OF_SHIPPERS = "POST /api/v1/telemetry/streams/{name}"
"""Who sends there shows the token of a service that ships; one for calls is told that it may not."""

VOTING = ("not-an-approver", "not-a-person")
"""Who votes and may not is told so: approvals have names that nobody guesses."""


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    with tenants(tmp_path_factory.mktemp("tenants") / "house") as made:
        made.before = made.sizes()
        made.walked = dict(walk(made))
        made.after = made.sizes()
        yield made


def test_every_route_has_a_row_or_a_body(world):
    sent = bodies(world)
    for method, path in ROUTES:
        assert f"{method} {path}" in READERS or path in sent, f"{method} {path} is new: http/control/audiences.py"


def test_the_pages_are_what_the_walk_finds(world):
    rows = [(route, {who: cell(*told) for who, told in of.items()}) for route, of in world.walked.items()]
    assert tenant_walk.WALK.read_text() == tenant_walk.walk_page(TENANTS, rows), "run tools/tenant_walk.py"
    assert tenant_walk.reading_table() in tenant_walk.READING.read_text(), "run tools/tenant_walk.py"


def test_who_is_nobody_known_is_told_nothing(world):
    about_itself = {"POST /access/v1/evaluation", "POST /access/v1/evaluations", "GET /api/v1/me"}  # a token may
    about_itself |= {f"POST {path}" for path in OF_EXECUTORS} | {OF_SHIPPERS}
    for route, of in world.walked.items():
        known = READERS[route].audience is not Audience.ANYBODY if route in READERS else route not in OPEN
        for who in ("stranger", "token", "nobody"):
            if known and not (who == "token" and route in about_itself):
                assert of[who][0] == 401, (route, who, of[who])


def test_nobody_without_a_part_in_it_changes_anything_of_anothers(world):
    for route, of in world.walked.items():
        if route not in READERS:
            for who in POWERLESS:
                assert of[who][0] in (400, 401, 403, 404, 503), (route, who, of[who])
    assert world.after == world.before


def test_what_is_not_ones_own_is_answered_as_what_does_not_exist(world):
    absent, sent, leaks = world.absent(), bodies(world), []
    for method, path in ROUTES:
        route = f"{method} {path}"
        if "{" not in path:
            continue
        for who, (status, told) in world.walked[route].items():
            whole = "entry_id" in path and who in ("cus", "aud")  # who reads the log knows which entries there are
            if not whole and status in (403, 404) and told.get("code") not in VOTING and who in (*POWERLESS, "uma"):
                body = sent.get(path, b"") if method == "POST" else b""
                nothing = world.send(who, method, world.path(path, absent), body, QUERIES.get(route, ""))
                if (nothing[0], nothing[1].get("code")) != (status, told.get("code")):
                    leaks.append((route, who, told, nothing[1]))
    assert not leaks, "\n".join(map(str, leaks))


def test_keys_that_a_body_does_not_have_are_refused_in_every_body(world):
    for path, body in bodies(world).items():
        if path not in FOREIGN | OF_EXECUTORS and isinstance(body, dict):
            for more in ({"unknown": 1}, {"by": "ops", "state": "approved"}):
                status, told = world.send("ops", "POST", world.path(path), body | more)
                assert (status, told["code"]) == (400, "invalid-input"), (path, more, told)
    assert world.sizes() == world.after
