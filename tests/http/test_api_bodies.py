"""The bodies in the OpenAPI document are those that the routes decode: what fits one fits the other."""

from typing import Annotated

import jsonschema_rs
import msgspec
import pytest
from fastapi import APIRouter, Response

import openapi
from safeconduct.access.reading_rights import Reader
from safeconduct.bootstrap.routes import ROUTERS
from safeconduct.http.control.app import control_app
from safeconduct.http.control.bodies import SignedAlone, SignedJson
from safeconduct.http.control.declared import Content, kind_of
from safeconduct.http.control.signed import SignedBytes

DOCUMENT = openapi.document()
ENDPOINTS = {
    f"{method} {route.path_format}": route.endpoint
    for router in ROUTERS
    for route in router.routes
    for method in route.methods
}
TYPED = {
    f"{method.upper()} {path}": said["requestBody"]["content"]["application/json"]["schema"]
    for path, operations in DOCUMENT["paths"].items()
    for method, said in operations.items()
    if "schema" in said.get("requestBody", {}).get("content", {}).get("application/json", {})
}


def undeclared(document):
    """Returns the operations that may change something and do not say what they take."""
    return [
        f"{method.upper()} {path}"
        for path, operations in document["paths"].items()
        for method, said in operations.items()
        if method not in ("get", "head") and "requestBody" not in said
    ]


def smallest(schema):
    """Returns the smallest value that a schema takes."""
    if "default" in schema or "enum" in schema:
        return schema.get("default", schema.get("enum", [None])[0])
    if "anyOf" in schema:
        return smallest(schema["anyOf"][0])
    if schema["type"] == "object":
        return {name: smallest(schema["properties"][name]) for name in schema.get("required", ())}
    if "contentEncoding" in schema:
        return "eA=="
    return {"string": "x", "integer": 1, "number": 1.0, "boolean": True, "array": []}[schema["type"]]


def takes(label, body):
    try:
        msgspec.json.decode(msgspec.json.encode(body), type=kind_of(ENDPOINTS[label]))
    except msgspec.MsgspecError:
        return False
    return True


def test_every_route_that_takes_a_body_declares_it():
    assert undeclared(DOCUMENT) == []


class Said(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is said."""

    word: str


def routes_of(make):
    router = APIRouter(prefix="/api/v1")
    make(router)
    return control_app([router], control=None, local_secret="", check_reader=lambda _: Reader(), version="0").openapi()


def declared(router):
    @router.post("/said")
    async def say(signed: SignedJson[Said]) -> Response:
        """Says it."""

    @router.post("/file")
    async def take(signed: Annotated[SignedBytes, Content("text/plain", "A file.")]) -> Response:
        """Takes it."""

    @router.post("/done")
    async def do(signed: SignedAlone) -> Response:
        """Does it."""


def forgotten(router):
    @router.post("/said")
    async def say(signed: SignedBytes) -> Response:
        """Says it."""


def test_a_route_that_forgets_to_declare_its_body_is_found():
    assert undeclared(routes_of(declared)) == []
    assert undeclared(routes_of(forgotten)) == ["POST /api/v1/said"]


def test_each_form_of_body_says_what_it_is():
    paths = routes_of(declared)["paths"]
    said, file, done = (paths[f"/api/v1/{name}"]["post"]["requestBody"] for name in ("said", "file", "done"))
    assert said == {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "description": "What is said.",
                    "properties": {"word": {"type": "string"}},
                    "required": ["word"],
                    "additionalProperties": False,
                }
            }
        },
    }
    assert file == {"required": True, "description": "A file.", "content": {"text/plain": {}}}
    assert done["required"] is False
    assert done["content"]["application/json"]["schema"]["properties"] == {}


@pytest.mark.parametrize("label", TYPED)
def test_what_fits_the_document_is_decoded_and_what_does_not_is_refused(label):
    schema = TYPED[label]
    fits, body = jsonschema_rs.validator_for(schema).is_valid, smallest(schema)
    assert fits(body)
    assert takes(label, body)
    for wrong in [{k: v for k, v in body.items() if k != name} for name in body] + [[], None]:
        assert not fits(wrong)
        assert not takes(label, wrong)
    more = body | {"unheard-of": 1}
    assert fits(more) is takes(label, more)
