"""The part of the schema that is about tools: their registry, and the playbooks that authorize calls beforehand."""

import ipaddress

from safeconduct.access.reading import NAME, NAME_FORM, Choice, FieldSpec, Flag, ListOf, Named, Section, Text, Whole
from safeconduct.access.tools import Asking, Effect, Trust
from safeconduct.kernel.errors import InvalidInputError

TOOLS_MAX = 500
"""Tools in a program: several servers of them."""

ARGUMENTS_MAX = 64
"""Arguments of one tool that can be named; others count as authority."""

KNOWN_MAX = 1_000
"""Values of one argument that an operator vouches for: each was looked at by a person."""

READERS_MAX = 16
"""Kinds of readers of one sink."""

PER_HOUR_MAX = 1_000
"""Calls of one playbook in an hour: the instant of each is kept."""

PLAYBOOKS_MAX = 100
"""Playbooks in a program: more are not reviewed."""

NUMBER_MAX = 10**12
"""The largest number in a constraint: beyond money, ports, seconds and bytes."""


def _check_network(text: str) -> None:
    try:
        ipaddress.ip_network(text)
    except ValueError as error:
        raise InvalidInputError(f"expected a network such as 10.0.0.0/8, got {text[:60]!r}") from error


TOOL_NAME = Text("tool name", r"[A-Za-z0-9_-]{1,64}", form="a name of up to 64 letters, digits, _ and -")
_ARGUMENT = Text("argument name", r"[A-Za-z0-9_.-]{1,64}", form="a name of up to 64 letters, digits, _, . and -")
_READER = Text("reader", rf"\*|{NAME}", form=f"`*` for everybody, or {NAME_FORM}")
_VALUE = Text("text of up to 512", r"(?s).{1,512}")
_NETWORK = Text("network", r"[0-9A-Fa-f.:/]{2,64}", _check_network)
_ARGUMENTS = ListOf(_ARGUMENT, ARGUMENTS_MAX)
_TRUST = Choice(tuple(Trust))

_NUMBER = Whole(0, NUMBER_MAX)
_CONSTRAINT = Section(
    (
        FieldSpec("one_of", ListOf(_VALUE, KNOWN_MAX, 1), "the texts it may be", required=False, default=[]),
        FieldSpec("networks", ListOf(_NETWORK, 64, 1), "it is an address in one of them", required=False, default=[]),
        FieldSpec("outside", ListOf(_NETWORK, 64, 1), "it is an address in none of them", required=False, default=[]),
        FieldSpec("least", _NUMBER, "it is a number, at least this", required=False),
        FieldSpec("most", _NUMBER, "it is a number, at most this", required=False),
    ),
    "constraint",
)
TOOLS = Named(
    Section(
        (
            FieldSpec("effect", Choice(tuple(Effect)), "what it does; only `read` changes nothing and tells nobody"),
            FieldSpec(
                "authority",
                _ARGUMENTS,
                "arguments that decide over what happens: recipients, ids, addresses, amounts; those not named too",
                required=False,
                default=[],
            ),
            FieldSpec(
                "content", _ARGUMENTS, "arguments that are only carried: titles, texts", required=False, default=[]
            ),
            FieldSpec(
                "authority_trust", _TRUST, "what its authority arguments need", required=False, default=Trust.USER.value
            ),
            FieldSpec(
                "content_trust",
                _TRUST,
                "what its content arguments need",
                required=False,
                default=Trust.UNTRUSTED.value,
            ),
            FieldSpec(
                "readers",
                ListOf(_READER, READERS_MAX, 1),
                "who sees what its arguments hold; `*` is everybody",
                required=False,
                default=["*"],
            ),
            FieldSpec(
                "known",
                Named(ListOf(_VALUE, KNOWN_MAX, 1), ARGUMENTS_MAX, key=_ARGUMENT),
                "values of an argument that the operator vouches for",
                required=False,
                default={},
            ),
            FieldSpec(
                "scope",
                _ARGUMENTS,
                "arguments that may be targets of the path's scope",
                required=False,
                default=[],
            ),
            FieldSpec(
                "result",
                _TRUST,
                "how far its result is trusted",
                required=False,
                default=Trust.UNTRUSTED.value,
            ),
            FieldSpec(
                "result_readers",
                ListOf(_READER, READERS_MAX),
                "who may see its result; nobody beyond the conversation where empty",
                required=False,
                default=[],
            ),
            FieldSpec(
                "result_schema",
                Named(_CONSTRAINT, ARGUMENTS_MAX, key=_ARGUMENT),
                "what each member of its result is; a result of exactly these, each within its bounds, is endorsed",
                required=False,
                default={},
            ),
            FieldSpec(
                "resolves",
                _ARGUMENTS,
                "members of its result that say what the user's words mean, when it answers with exactly one record",
                required=False,
                default=[],
            ),
            FieldSpec(
                "opaque",
                Flag(),
                "whether a variable stands before the model for its result, which only arguments hand on"
                " ([variables.md](variables.md))",
                required=False,
                default=False,
            ),
            FieldSpec(
                "approval",
                Choice(tuple(Asking)),
                "when a person is asked first; with `never`, what would be asked is denied",
                required=False,
                default=Asking.ON_VIOLATION.value,
            ),
        ),
        "tool",
    ),
    TOOLS_MAX,
    id_attribute="name",
    key=TOOL_NAME,
)
PLAYBOOKS = Named(
    Section(
        (
            FieldSpec("tool", TOOL_NAME, "which tool it calls"),
            FieldSpec(
                "where",
                Named(_CONSTRAINT, ARGUMENTS_MAX, key=_ARGUMENT),
                "what each argument may be; a call with another argument is none of it",
            ),
            FieldSpec("per_hour", Whole(1, PER_HOUR_MAX), "how many such calls in any hour"),
            FieldSpec(
                "grounded",
                _ARGUMENTS,
                "arguments that somebody must have said besides, or a trusted tool resolved",
                required=False,
                default=[],
            ),
        ),
        "playbook",
    ),
    PLAYBOOKS_MAX,
)
