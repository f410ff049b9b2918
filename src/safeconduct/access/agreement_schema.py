"""The part of the schema that is the agreement: its parties, validity, witness and the matrix of readers."""

import re
from urllib.parse import urlsplit

from safeconduct.access.agreement import Training
from safeconduct.access.model.agreements import Opening
from safeconduct.access.path_schema import ID, TIER
from safeconduct.access.reading import Choice, FieldSpec, ListOf, Moment, Named, Section, Text, Whole
from safeconduct.access.terms_schema import TERMS
from safeconduct.kernel.entries import Reader, Retention
from safeconduct.kernel.errors import InvalidInputError
from safeconduct.ledger.notes import SIGNATURES_MAX, VerifierKey
from safeconduct.ledger.quorums import parse_policy

VERSION_MAX = 9_999
"""Versions of one agreement: one a day, for decades."""

TERMINATION_DAYS_MAX = 3_650
"""Days of notice: ten years. Who can't leave before that writes nothing, and ends with `valid`."""

FIELDS_MAX = 200
"""Rows of the matrix of readers: each sealed field there is, many times over."""

RETENTION_DAYS_MAX = 3_650
"""Days that sealed fields can be kept for: ten years. What is to stay longer is not limited."""

COSIGNERS_MAX = SIGNATURES_MAX - 1
"""Witnesses of one agreement: their cosignatures and the log's signature stand under one note."""


def _check_witness_key(text: str) -> None:
    if not VerifierKey.parse(text).kind.cosigns:
        raise InvalidInputError("expected a cosignature key (type 4 or 6), got a log's key")


def _check_reader_key(text: str) -> None:
    if not re.fullmatch(r"x25519:[A-Za-z0-9+/]{43}=", text):
        raise InvalidInputError("expected a key of the form x25519: and the base64 of 32 bytes")


def _check_policy(text: str) -> None:
    policy = parse_policy(text)
    if policy.vacuous:
        raise InvalidInputError("a policy with quorum none waits for nobody: leave it out to say that there is none")
    for witness in policy.witnesses:
        _check_url(witness.url)
    if len(policy.witnesses) > COSIGNERS_MAX:
        raise InvalidInputError(f"expected at most {COSIGNERS_MAX} witnesses, got {len(policy.witnesses)}")


def _check_url(text: str) -> None:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query or parts.fragment:
        raise InvalidInputError(f"expected an http or https address without user, query or fragment, got {text!r}")


_COSIGNER_KEY = Text("C2SP verifier key, type 4 or 6", r".{1,2400}", _check_witness_key)
# With its changes the text must fit into one entry of the log.
_POLICY = Text("tlog-policy text", r"(?s).{1,32768}", _check_policy, "a tlog-policy of up to 32768 characters")
WINDOW = Section(
    (
        FieldSpec("from", Moment(), "first instant", attribute="opens_at"),
        FieldSpec("until", Moment(), "first instant after it", attribute="closes_at"),
    ),
    "window",
)
_WITNESS = Section(
    (
        FieldSpec("name", Text("key name", r"[^\s+]{1,255}"), "the witness's name in its cosignatures"),
        FieldSpec("key", _COSIGNER_KEY, "its cosignature key"),
        FieldSpec("url", Text("http address", r".{1,2048}", _check_url), "where it takes checkpoints"),
    ),
    "witness",
)
_FIELD_NAME = Text(
    "field",
    r"[a-z][a-z-]*(?:\.[a-z][a-z-]*){1,3}/(?:\*|[a-z][a-z0-9_]{0,63})",
    form="an entry type without version and a field, such as gateway.call.intent/request, or gateway.call.intent/*",
)
_FIELD_RULE = Section(
    (
        FieldSpec("readers", ListOf(Choice(tuple(Reader)), len(Reader), 1), "the roles that may read it"),
        FieldSpec(
            "opening",
            Choice(tuple(Opening)),
            "one party opens it alone, or both approve, as `approvals.opening` says",
            required=False,
            default=Opening.SINGLE.value,
        ),
    ),
    "field rule",
)
_READERS = Named(
    Text("x25519 public key", r".{1,100}", _check_reader_key),
    len(Reader) - 1,
    words=(Reader.PROVIDER, Reader.CUSTOMER, Reader.AUDITOR),
)
AGREEMENT = Section(
    (
        FieldSpec("id", ID, "its name; the joint log is `<origin>/<id>`"),
        FieldSpec("version", Whole(1, VERSION_MAX), "counts up with each change of what stands in the agreement"),
        FieldSpec("provider", ID, "the organization with role provider"),
        FieldSpec("partner", ID, "the organization with role partner"),
        FieldSpec("terms", Text(), "the terms, or their digest; only a SHA-256 of this is kept"),
        FieldSpec("tier_ceiling", TIER, "the highest tier that an organization, a principal or a path may have"),
        FieldSpec("valid", WINDOW, "when it holds; outside of it every call is refused"),
        FieldSpec(
            "termination_days",
            Whole(0, TERMINATION_DAYS_MAX),
            "days of notice after which one party alone may end it; without them none may",
            required=False,
        ),
        FieldSpec(
            "witness",
            _WITNESS,
            "the partner's witness; without one everything that waits for the partner is refused (`no-witness`)",
            required=False,
        ),
        FieldSpec(
            "policy",
            _POLICY,
            "instead of `witness`: several, and how many of them must cosign, as C2SP tlog-policy with addresses",
            required=False,
        ),
        FieldSpec("customer", ID, "an organization with role customer, if one reads", required=False),
        FieldSpec("auditor", ID, "an organization with role auditor, if one reads", required=False),
        FieldSpec(
            "readers",
            _READERS,
            "by role, the key that data keys are wrapped to; the partner is the house and needs none",
            required=False,
            default={},
        ),
        FieldSpec(
            "fields",
            Named(_FIELD_RULE, FIELDS_MAX, key=_FIELD_NAME),
            "who may read which sealed field; what has no row is the house's alone",
            required=False,
            default={},
        ),
        FieldSpec(
            "retention",
            Named(Whole(1, RETENTION_DAYS_MAX), len(Retention), words=tuple(Retention)),
            "days until the sealed fields of a class are destroyed; unlimited where not named",
            required=False,
            default={},
        ),
        FieldSpec(
            "training",
            Choice(tuple(Training)),
            "whether what calls hold may be used to train models; unstated without it",
            required=False,
        ),
        *TERMS,
    ),
    "agreement",
)
