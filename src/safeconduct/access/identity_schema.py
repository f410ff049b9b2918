"""The part of the schema that is about signing in: `identity_providers`, and `identity` of a principal.

docs/spec/identity.md says what they do.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from safeconduct.access.path_schema import TIER
from safeconduct.access.reading import NAME, NAME_FORM, FieldSpec, Log, Named, Section, Text, near
from safeconduct.kernel.errors import InvalidInputError

PROVIDERS_MAX = 32
"""Identity providers of a program: one or two an organization, and one for each of its sub-processors."""

CONTEXTS_MAX = 32
"""Authentication contexts that one provider is known to state."""

LOOPBACK = ("127.0.0.1", "::1", "localhost")
"""Hosts to which nobody is between."""


def _check_issuer(text: str) -> None:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query or parts.fragment:
        raise InvalidInputError(f"expected an issuer: an https address without query or fragment, got {text!r}")
    if parts.scheme == "http" and parts.hostname not in LOOPBACK:
        raise InvalidInputError(f"expected https for {parts.hostname}: who is between could sign anybody in")


_NAME = Text("name", NAME, form=NAME_FORM)
_CONTEXT = Text("authentication context", r"\S{1,200}", form="an authentication context, as the provider's acr says it")

IDENTITY_PROVIDERS = Named(
    Section(
        (
            FieldSpec("organization", _NAME, "whose people sign in there"),
            FieldSpec("issuer", Text("issuer", r"\S{1,2048}", _check_issuer), "its issuer, as its tokens say it"),
            FieldSpec("client_id", Text("text of up to 200", r"\S{1,200}"), "what Safeconduct is called there"),
            FieldSpec(
                "contexts",
                Named(TIER, CONTEXTS_MAX, key=_CONTEXT),
                "by authentication context (`acr`, `acrs`), the highest tier that such a sign-in counts for",
                required=False,
                default={},
            ),
            FieldSpec(
                "attested",
                TIER,
                "the highest tier that its organization attests for every sign-in there",
                required=False,
                default=0,
            ),
        ),
        "identity provider",
    ),
    PROVIDERS_MAX,
)
IDENTITY = Section(
    (
        FieldSpec("provider", _NAME, "one of `identity_providers`, of its organization"),
        FieldSpec("subject", Text("subject", r"[\x21-\x7e]{1,255}"), "the subject (`sub`) there"),
        FieldSpec(
            "external_id",
            Text("external id", r"[\x21-\x7e]{1,255}"),
            "its `externalId` in the directory that is pushed by SCIM; the subject, where it is left out",
            required=False,
            default="",
        ),
    ),
    "identity",
)


def check_identities(values: Mapping[str, Any], log: Log) -> None:
    """Notes identities at providers that are not there or are another organization's, and one identity of two."""
    providers = values["identity_providers"]
    for name, provider in providers.items():
        if provider["organization"] not in values["organizations"]:
            text = f"there is no organization {provider['organization']!r}"
            log.wrong_at(("identity_providers", name, "organization"), text, "reference-unknown")
    owners: dict[tuple[str, str, str], str] = {}
    for name, principal in values["principals"].items():
        identity, key = principal["identity"], ("principals", name, "identity")
        if identity is None:
            continue
        found = providers.get(identity["provider"])
        if found is None:
            text = f"there is no identity provider {identity['provider']!r}{near(identity['provider'], providers)}"
            log.wrong_at((*key, "provider"), text, "reference-unknown")
        elif found["organization"] != principal["organization"]:
            text = f"{identity['provider']} is where people of {found['organization']} sign in"
            log.wrong_at((*key, "provider"), text)
        for kind in ("subject", "external_id"):
            known = identity[kind] or identity["subject"]
            owner = owners.setdefault((kind, identity["provider"], known), name)
            if owner != name:
                log.wrong_at(key, f"{owner} has the same identity; each person has one account")
                break
