"""The schema of the program file: every key, its form, whether it is needed, and what it means.

docs/spec/program.md is this table; `reference` writes it, and a test holds the two together.
"""

from collections.abc import Iterator

from safeconduct.access.agreement_schema import AGREEMENT, RETENTION_DAYS_MAX, WINDOW
from safeconduct.access.assets import parse_asset
from safeconduct.access.catalogue import TIER_MAX
from safeconduct.access.escalation import ESCALATION
from safeconduct.access.grant_schema import GRANTS_POLICY
from safeconduct.access.hint_schema import HINT_RULES
from safeconduct.access.identity_schema import IDENTITY, IDENTITY_PROVIDERS
from safeconduct.access.inventory import INVENTORY
from safeconduct.access.model.parties import TELEMETRY_SOURCES, Credential, OrganizationRole, PrincipalKind, Role
from safeconduct.access.model_assets import MODEL_ASSETS
from safeconduct.access.obligations import OBLIGATIONS
from safeconduct.access.path_schema import BUDGET, MODELS, PATH, TIER, UPSTREAMS
from safeconduct.access.path_schema import ID as _ID
from safeconduct.access.reading import (
    Choice,
    FieldSpec,
    Flag,
    ListOf,
    Named,
    Section,
    Text,
    Whole,
)
from safeconduct.access.reading import Reader as ValueReader
from safeconduct.access.recertifications import RECERTIFICATIONS
from safeconduct.access.response_kinds import RESPONSES, TARGETS_MAX
from safeconduct.access.selectors import PLACE, PLACE_FORM
from safeconduct.access.tool_schema import PLAYBOOKS, TOOLS
from safeconduct.access.unit_costs import UNIT_COSTS
from safeconduct.access.vetting import VETTING
from safeconduct.ledger.keys import PublicKey

NAMES_MAX = 1_000
"""Names in one section: more than one person reviews in a file; beyond it, programs are split by agreement."""

PLACES_MAX = 16
"""Nationalities of one person, and employers in one chain: several times what there is."""

ORIGIN = r"[a-z0-9.-]{1,200}(?::[0-9]{1,5})?(?:/[A-Za-z0-9._-]{1,100})*"
"""What logs are named by: a host and a path without scheme."""

_APPROVED = (
    "response",
    "response-severe",
    "opening",
    "call",
    "tool-call",
    "answer",
    "policy",
    "grant",
    *(f"grant-tier-{tier}" for tier in range(TIER_MAX + 1)),
)
_KEPT = (*TELEMETRY_SOURCES, "all")
_PROSE = Text()
_KEY = Text("ed25519 public key", r".{1,100}", PublicKey.parse)
_PLACE = Text("country or tag", PLACE, form=PLACE_FORM)
_TARGET = Text("asset", r".{1,512}", parse_asset)
_ORGANIZATION = Section(
    (
        FieldSpec("role", Choice(tuple(OrganizationRole)), "which side it stands on"),
        FieldSpec("name", Text("text of up to 200", r".{1,200}"), "its name for people"),
        FieldSpec("key", _KEY, "public half of the organization's key"),
        FieldSpec("tier", TIER, "the most that its people may be approved for", required=False, default=0),
        FieldSpec("budget", BUDGET, "what the calls of all its principals together may use", required=False),
        FieldSpec("jurisdiction", _PLACE, "under whose law it stands", required=False, default=""),
        FieldSpec(
            "telemetry_days",
            Named(Whole(1, RETENTION_DAYS_MAX), len(_KEPT), words=_KEPT),
            "days after which its telemetry is destroyed, by source, and of `all` others; unlimited where not named",
            required=False,
            default={},
        ),
    ),
    "organization",
)
_PRINCIPAL = Section(
    (
        FieldSpec("organization", _ID, "where it belongs"),
        FieldSpec("kind", Choice(tuple(PrincipalKind)), "a person, or a service or agent that a person answers for"),
        FieldSpec("key", _KEY, "public half of its key; every person needs one, or an `identity`", required=False),
        FieldSpec(
            "identity", IDENTITY, "who a person is where they sign in, or a service at its platform", required=False
        ),
        FieldSpec("roles", ListOf(Choice(tuple(Role)), len(Role)), "a person's roles", required=False, default=[]),
        FieldSpec("sponsor", _ID, "the person who answers for a service, an agent or a contractor", required=False),
        FieldSpec("tier", TIER, "what it was approved for: no models of higher tiers", required=False, default=0),
        FieldSpec(
            "human",
            Text("text of up to 200", r"\S.{0,199}"),
            "who a person is, in words both parties know, such as a staff number; no two may have the same",
            required=False,
            default="",
        ),
        FieldSpec(
            "credential",
            Choice(tuple(Credential)),
            "`bound`: no token counts that works without its holder's key or certificate",
            required=False,
            default=Credential.BEARER,
        ),
        FieldSpec(
            "certificate",
            Text("thumbprint", r"[A-Za-z0-9_-]{43}", form="the base64url of a certificate's SHA-256 (x5t#S256)"),
            "a service's client certificate, by its thumbprint; with it the service gets tokens without a key",
            required=False,
            default="",
        ),
        FieldSpec(
            "nationalities",
            ListOf(_PLACE, PLACES_MAX),
            "a person's, for freezes; a tag of `safeconduct freeze-tag` does not show which",
            required=False,
            default=[],
        ),
        FieldSpec(
            "employers",
            ListOf(_ID, PLACES_MAX),
            "subprocessors through whom it works, nearest first, beside its organization",
            required=False,
            default=[],
        ),
        FieldSpec(
            "ships",
            Flag(),
            "a service that sends its organization's telemetry in; its tokens are good for nothing else",
            required=False,
            default=False,
        ),
    ),
    "principal",
)
_SCOPE = Section(
    (
        FieldSpec(
            "targets",
            ListOf(_TARGET, TARGETS_MAX, 1),
            "what is authorized ([scope.md](scope.md) lists the kinds); `*.name` covers what is under it",
        ),
        FieldSpec("authorization", _PROSE, "who allowed it, and how"),
        FieldSpec("owner", _KEY, "the key of who may sign rules of engagement for it", required=False),
    ),
    "scope",
)
_GRANT = Section(
    (
        FieldSpec("principal", _ID, "who"),
        FieldSpec("path", _ID, "on which path"),
        FieldSpec("purpose", _ID, "for what; the path's own purpose"),
        FieldSpec("scope", _ID, "on which targets; the path's own scope"),
        FieldSpec("window", WINDOW, "when"),
        FieldSpec("budget", BUDGET, "what its calls may use", required=False),
    ),
    "grant",
)
_GROUP = Section(
    (
        FieldSpec("organization", _ID, "of which organization"),
        FieldSpec("role", Choice(tuple(Role)), "with which role"),
        FieldSpec("count", Whole(1, 32), "how many different people"),
    ),
    "group",
)
_APPROVAL = Section(
    (FieldSpec("groups", ListOf(_GROUP, 16, 1), "all of them must approve, the proposer not among them"),), "approval"
)
PROGRAM = Section(
    (
        FieldSpec("program", Whole(1, 1), "version of this format"),
        FieldSpec(
            "origin",
            Text("log name: host and path without scheme", ORIGIN),
            "the installation's name; its own log is `<origin>/installation`",
        ),
        FieldSpec("organizations", Named(_ORGANIZATION, NAMES_MAX, 2), "the parties"),
        FieldSpec("agreement", AGREEMENT, "what they agreed to"),
        FieldSpec("principals", Named(_PRINCIPAL, NAMES_MAX), "who may ask"),
        FieldSpec("scopes", Named(_SCOPE, NAMES_MAX), "authorized targets"),
        FieldSpec("upstreams", UPSTREAMS, "what is agreed about model servers", required=False, default={}),
        FieldSpec("models", MODELS, "the catalogue of models", required=False, default={}),
        FieldSpec(
            "tools", TOOLS, "what tools do and need ([sinks.md](sinks.md) section 2)", required=False, default={}
        ),
        FieldSpec(
            "hint_rules",
            HINT_RULES,
            "rules of one's own for hints of an attack, which paths name ([detection.md](detection.md) section 2)",
            required=False,
            default={},
        ),
        FieldSpec("playbooks", PLAYBOOKS, "calls of tools that are authorized beforehand", required=False, default={}),
        FieldSpec("paths", Named(PATH, NAMES_MAX), "bounded ways to a model"),
        FieldSpec("grants", Named(_GRANT, NAMES_MAX), "who may use which path"),
        FieldSpec(
            "policies",
            Text("Cedar policies", r"(?s).*"),
            "each with an `@id`; any that fails to evaluate denies, and none at all permits nothing",
        ),
        FieldSpec(
            "approvals",
            Named(_APPROVAL, len(_APPROVED), words=_APPROVED, id_attribute="subject"),
            "who must approve what; what has no rule can't be approved",
        ),
        FieldSpec(
            "grants_policy",
            GRANTS_POLICY,
            "how far grants by request and break-glass go; without it there are none",
            required=False,
        ),
        FieldSpec(
            "responses",
            RESPONSES,
            "bounds on responses; what has none can't be proposed",
        ),
        FieldSpec("identity_providers", IDENTITY_PROVIDERS, "where people sign in", required=False, default={}),
        FieldSpec(
            "vetting",
            VETTING,
            "what must be shown before calls are taken; without it the program itself is what admits",
            required=False,
        ),
        FieldSpec(
            "obligations",
            OBLIGATIONS,
            "what is owed again and again, and which tier is left where it is not met",
            required=False,
            default={},
        ),
        FieldSpec(
            "inventory",
            INVENTORY,
            "what is one's own, and found in calls of inspected paths ([recognizers.md](recognizers.md) section 3)",
            required=False,
            default={},
        ),
        FieldSpec(
            "recertifications",
            RECERTIFICATIONS,
            "what access is looked at again, how often, and by when somebody must have kept it",
            required=False,
            default={},
        ),
        FieldSpec(
            "model_assets",
            MODEL_ASSETS,
            "the register of what makes a model, with owner and custody ([model-assets.md](model-assets.md))",
            required=False,
            default={},
        ),
        FieldSpec(
            "escalation",
            ESCALATION,
            "by signal, what follows where calls look misused; without a ladder it is a case and no more",
            required=False,
            default={},
        ),
        FieldSpec(
            "value",
            UNIT_COSTS,
            "what work and mistakes cost, for the report on value ([value.md](value.md))",
            required=False,
        ),
    ),
    "program",
)


def reference() -> str:
    """Returns the table of all keys as Markdown."""
    lines = ["| key | value | needed | meaning |", "| --- | --- | --- | --- |"]
    lines += [f"| {' | '.join(row)} |" for row in _rows("", PROGRAM)]
    return "\n".join(lines) + "\n"


def _rows(prefix: str, reader: ValueReader) -> Iterator[tuple[str, str, str, str]]:
    for spec in reader.fields if isinstance(reader, Section) else ():
        inner, path = _inner(f"{prefix}{spec.key}", spec.reader)
        yield f"`{prefix}{spec.key}`", spec.reader.name, _needed(spec), spec.about
        yield from _rows(f"{path}.", inner)


def _needed(spec: FieldSpec) -> str:
    if spec.required:
        return "yes"
    words = spec.default if isinstance(spec.default, list) else [spec.default]
    shown = ", ".join(f"`{str(word).lower()}`" for word in words if word not in (None, {}, ""))
    return f"no: {shown}" if shown else "no"


def _inner(path: str, reader: ValueReader) -> tuple[ValueReader, str]:
    if isinstance(reader, Named):
        return _inner(f"{path}.<name>", reader.item)
    if isinstance(reader, ListOf):
        return _inner(f"{path}[]", reader.item)
    return reader, path
