"""The OpenAPI document, written from the routes, is the shipped one and says only what callers need."""

import json
import re

import pytest

import openapi
from safeconduct.bootstrap.routes import ROUTERS

WELL_KNOWN = "/.well-known/authzen-configuration"
OPEN = {
    ("get", "/healthz"),
    ("get", "/readyz"),
    ("get", "/edl/{name}.txt"),
    ("get", WELL_KNOWN),
    ("get", "/api/v1/sign-ins/providers"),
    ("post", "/api/v1/sign-ins"),
    ("post", "/api/v1/sign-ins/end"),
    ("get", "/api/v1/credentials"),
    ("post", "/api/v1/credentials"),
    ("post", "/api/v1/passkeys"),
    ("post", "/api/v1/passkeys/offers/signed-in"),
}
"""What asks for no act and no local secret.

A list asks for its own token; sign-ins and credentials show theirs, a passkey its offer's secret.
"""

SHIPPERS_SEND = "/api/v1/telemetry/streams/{name}"
EXECUTORS_ASK = {f"/api/v1/tool-decisions/{one}" for one in ("find", "use", "end")}
ASKS_ONLY = {
    ("post", "/api/v1/programs/plan"),
    ("post", "/api/v1/policies/replay"),
    ("post", "/api/v1/hunts"),
    ("post", "/api/v1/hunts/rules"),
}
"""What is asked about a body, and changes nothing."""

DOCUMENT = openapi.document()
OPERATIONS = [(method, path, said) for path, all_ in DOCUMENT["paths"].items() for method, said in all_.items()]

each = pytest.mark.parametrize(("method", "path", "said"), OPERATIONS, ids=lambda value: str(value)[:60])


def test_the_shipped_document_is_what_the_routes_say():
    assert openapi.PAGE.read_text() == openapi.page(), "run: python tools/openapi.py"


def test_every_route_is_in_it():
    routes = {
        (method.lower(), route.path_format)
        for router in ROUTERS
        for route in router.routes
        for method in route.methods
        if not route.path_format.startswith("/scim/")  # SCIM describes itself, in its own form
    }
    assert routes - {("head", "/edl/{name}.txt")} == {(method, path) for method, path, _ in OPERATIONS}


@each
def test_a_route_says_what_it_does(method, path, said):
    assert re.match(r"[A-Z][a-z]+ |[A-Z][a-z]+\. ", said["summary"]), said["summary"]
    assert "Raises:" not in said["description"]


@each
def test_a_route_says_what_to_show(method, path, said):
    shown = [name for one in said["security"] for name in one]
    if (method, path) in OPEN:
        assert shown == []
    elif path == "/metrics":
        assert shown == ["local", "metrics"]
    elif path == "/api/v1/me":
        assert shown == ["act", "token"]
    elif path.startswith("/access/v1/"):
        assert shown == ["act", "local", "token"]
    elif path in EXECUTORS_ASK or path == SHIPPERS_SEND:
        assert shown == ["token"]
    elif method == "get" or (method, path) in ASKS_ONLY:
        assert shown == ["act", "local"]
    else:
        assert shown == ["act"]


@each
def test_every_error_is_a_problem_document(method, path, said):
    assert list(said["responses"]["default"]["content"]) == ["application/problem+json"]
    assert "422" not in said["responses"]


def test_names_are_unique_and_none_is_a_function_s():
    names = [said["operationId"] for _, _, said in OPERATIONS]
    assert len(set(names)) == len(names)
    text = json.dumps(DOCUMENT)
    assert "safeconduct." not in text.replace("safeconduct.example", "")
    assert "ValidationError" not in text
