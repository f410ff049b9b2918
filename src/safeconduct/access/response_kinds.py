"""What a program may say about responses: the kinds there are, the form of their targets, and what is protected.

What a kind does, and where it takes effect, is security operations' (`soc.actions.kinds`); both name the same kinds.
"""

import re
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any

from safeconduct.access.assets import parse_asset
from safeconduct.access.path_schema import ID
from safeconduct.access.reading import FieldSpec, ListOf, Log, Named, Section, Text, Whole
from safeconduct.kernel.errors import InvalidInputError

TARGETS_MAX = 1_000
"""Targets of one scope, or of one never-act list. They are looked through for every target of a call."""

POINTS_MAX = 32
"""Points of one kind: as many firewalls or directories are asked at once, in a thread each."""

TECHNIQUES_MAX = 64
"""Techniques of one playbook. One that is for more of them is no playbook but a policy."""

HOSTS_MAX = 1_000
"""Hosts whose accounts are a directory's: where there are more they have a domain in common, `*.corp.example`."""


class Form(StrEnum):
    """What a target, and what protects it, is written as."""

    ADDRESS = "address"  # never: networks, addresses and names
    ACCOUNT = "account"  # never: alice, svc-*
    HOST = "host"  # never: web-01, *.corp.example
    FILE = "file"  # never: web-01:/etc/*, *:/etc/*
    ENTITY = "entity"  # never: host:web-01, user:alice@*


FORMS: Mapping[str, Form] = {
    "block-ip": Form.ADDRESS,
    "drop-ip": Form.ADDRESS,
    "disable-user": Form.ACCOUNT,
    "end-sessions": Form.ACCOUNT,
    "quarantine-file": Form.FILE,
    "isolate-host": Form.HOST,
    "call-webhook": Form.ENTITY,
    "open-ticket": Form.ENTITY,
}
"""By kind of response."""

_OF_OUR_OWN = frozenset({"block-ip"})  # a list that we serve: no point is told, firewalls fetch it
_PROTECTING: Mapping[Form, re.Pattern[str]] = {
    Form.ACCOUNT: re.compile(r"[a-z0-9._$-]{0,128}\*?|\*[a-z0-9._$-]{1,128}"),
    Form.HOST: re.compile(r"(?:\*\.)?[a-z0-9](?:[a-z0-9._-]{0,251}[a-z0-9])?"),
    Form.FILE: re.compile(r"(?:\*|[a-z0-9._-]{1,253}):[^*\x00-\x1f]{1,4096}\*?"),
    Form.ENTITY: re.compile(r"(?:ip|host|user|domain|url|file):[^*\x00-\x1f]{1,4096}\*?"),
}
_PROTECTED = Text("asset, account, host or file", r".{1,512}")
_TECHNIQUE = Text("ATT&CK technique", r"T[0-9]{4}(?:\.[0-9]{3})?", form="an ATT&CK technique such as T1110.001")
_HOST = Text("host", r"(?:\*\.)?[a-z0-9](?:[a-z0-9._-]{0,251}[a-z0-9])?|\*", form="a host, `*.domain` or `*`")
_PLAYBOOK = Section(
    (
        FieldSpec(
            "techniques",
            ListOf(_TECHNIQUE, TECHNIQUES_MAX, 1),
            "an alert of a rule must have shown one of them on an event that names the target",
        ),
        FieldSpec("per_hour", Whole(1, 1_000), "most actions within an hour that nobody was asked about"),
    ),
    "response playbook",
)
RESPONSE = Section(
    (
        FieldSpec("never", ListOf(_PROTECTED, TARGETS_MAX), "what it must never touch"),
        FieldSpec("rate_per_hour", Whole(1, 1_000), "most actions within an hour"),
        FieldSpec("active_max", Whole(1, 10_000), "most in force at once"),
        FieldSpec("expires_s", Whole(60, 30 * 24 * 3_600), "seconds until one ends by itself"),
        FieldSpec(
            "blast_radius",
            Whole(1, 10_000),
            "most different addresses, accounts, hosts or files that actions of all kinds together may hold",
            required=False,
        ),
        FieldSpec(
            "points",
            ListOf(ID, POINTS_MAX),
            "where it takes effect, by the names of `responses.toml`; needed but for `block-ip`",
            required=False,
            default=[],
        ),
        FieldSpec(
            "hosts",
            ListOf(_HOST, HOSTS_MAX),
            "of kinds against accounts: whose accounts are the directory's, as `web-01`, `*.corp.example` or `*`",
            required=False,
            default=[],
        ),
        FieldSpec("playbook", _PLAYBOOK, "when it needs no vote ([responses.md](../responses.md))", required=False),
    ),
    "response",
)
_UNSAID: Mapping[str, Any] = {spec.key: spec.default for spec in RESPONSE.fields if not spec.required}
RESPONSES = Named(RESPONSE, len(FORMS), words=tuple(FORMS), id_attribute="kind")


def check_responses(values: Mapping[str, Any], log: Log) -> None:
    """Notes what is wrong with the bounds on each kind, given what its targets are."""
    for kind, rule in values["responses"].items():
        for index, text in enumerate(rule["never"]):
            problem = _problem(FORMS[kind], text)
            if problem:
                log.wrong_at(("responses", kind, "never", index), f"response {kind}: {problem}")
        if kind not in _OF_OUR_OWN and not rule["points"]:
            log.wrong_at(("responses", kind), f"response {kind}: expected `points`, where it takes effect")
        if kind not in _OF_OUR_OWN and rule["blast_radius"] is None:
            log.wrong_at(("responses", kind), f"response {kind}: expected `blast_radius`, how far all kinds may go")
        if kind in _OF_OUR_OWN and rule["points"]:
            log.wrong_at(("responses", kind, "points"), f"response {kind}: firewalls fetch this list; it has no points")
        if (FORMS[kind] is Form.ACCOUNT) != bool(rule["hosts"]):
            log.wrong_at(("responses", kind), f"response {kind}: `hosts` is for kinds against accounts, which need it")


def response_documents(rules: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Returns the rules without what they leave unsaid: a program of before is the document that it was."""
    return [_said(rules[kind]) for kind in sorted(rules)]


def protects(form: Form, entry: str, target: str) -> bool:
    """Tells whether an entry of a never-act list covers a target; both in lower case but for files' paths.

    A `*` stands for anything, at the one end where it is written.
    """
    if form is Form.HOST and entry.startswith("*."):
        return target.endswith(entry[1:])
    if form is Form.FILE and entry.startswith("*:"):
        return _covers(entry[2:], target.partition(":")[2])
    return _covers(entry, target)


def _said(rule: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in rule.items() if key not in _UNSAID or value != _UNSAID[key]}


def _covers(entry: str, target: str) -> bool:
    if entry.endswith("*"):
        return target.startswith(entry[:-1])
    if entry.startswith("*"):
        return target.endswith(entry[1:])
    return target == entry


def _problem(form: Form, text: str) -> str:
    if form is Form.ADDRESS:
        return _asset_problem(parse_asset, text)
    return "" if _PROTECTING[form].fullmatch(text) else f"expected what protects a {form}, got {text[:64]!r}"


def _asset_problem(parse: Callable[[str], object], text: str) -> str:
    try:
        parse(text)
    except InvalidInputError as error:
        return error.message
    return ""
