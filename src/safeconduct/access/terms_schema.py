"""The part of the schema that is about what the parties owe each other: activities, liability, notices, contacts."""

from safeconduct.access.agreement import Involvement, Side, Trigger
from safeconduct.access.path_schema import ID
from safeconduct.access.reading import Choice, FieldSpec, ListOf, Named, Section, Text, Whole

RESPONSIBILITIES_MAX = 100
"""Activities of one agreement: those that every agreement assigns, several times over."""

LIABILITIES_MAX = 50
"""Classes of failure of one agreement. Each is argued about by lawyers of both sides."""

EVIDENCE_MAX = 16
"""Types of entry that decide one class of failure: more than that decide nothing."""

CAP_USD_MAX = 10**12
"""US dollars of a cap: above what any firm is worth. What is not limited has no cap."""

NOTICES_MAX = 50
"""Notices of one agreement: what is not told apart in practice needs no clock of its own."""

NOTICE_HOURS_MAX = 24 * 365
"""Hours of a notice: a year. What may wait longer is not urgent enough for a clock."""

FEEDS_MAX = 32
"""Regulatory clocks that one notice feeds: all of one party in several jurisdictions."""

CONTACTS_MAX = 20
"""Roles that a party is reached in."""

SIGNATURE = r"[A-Za-z0-9+/]{86}=="
"""Base64 of an Ed25519 signature's 64 bytes."""

_INVOLVEMENT = Choice(tuple(Involvement))
_RESPONSIBILITY = Section(
    tuple(
        FieldSpec(
            side.value,
            _INVOLVEMENT,
            f"the {side}'s part: responsible, accountable, consulted, informed",
            required=False,
        )
        for side in Side
    ),
    "responsibility",
)
_LIABILITY = Section(
    (
        FieldSpec("party", Choice(tuple(Side)), "who pays"),
        FieldSpec(
            "cap_usd", Whole(0, CAP_USD_MAX), "up to how many US dollars; without it there is no cap", required=False
        ),
        FieldSpec(
            "evidence",
            ListOf(
                Text(
                    "entry type",
                    r"[a-z][a-z-]*(?:\.[a-z][a-z-]*){1,3}",
                    form="an entry type without its version, such as gateway.call.intent",
                ),
                EVIDENCE_MAX,
                1,
            ),
            "the entry types, without version, by which the log decides whether it happened",
        ),
    ),
    "liability",
)
_NOTICE = Section(
    (
        FieldSpec("by", Choice(tuple(Side)), "who tells the other party"),
        FieldSpec("trigger", Choice(tuple(Trigger)), "what its clock starts with"),
        FieldSpec("hours", Whole(1, NOTICE_HOURS_MAX), "hours from the trigger until the other party was told"),
        FieldSpec(
            "feeds",
            ListOf(ID, FEEDS_MAX),
            "regulatory clocks that the other party keeps by it; with the same trigger each of them must be longer",
            required=False,
            default=[],
        ),
    ),
    "notice",
)
_ADDRESS = Text("text of up to 200", r".{1,200}")
_CONTACT = Section(
    tuple(
        FieldSpec(side.value, _ADDRESS, f"where the {side} is reached: a role's address, not a person's")
        for side in Side
    ),
    "contact",
)

TERMS = (
    FieldSpec(
        "responsibilities",
        Named(_RESPONSIBILITY, RESPONSIBILITIES_MAX),
        "by activity, what each party has to do with it; agreement.md lists those that must be there",
        required=False,
        default={},
    ),
    FieldSpec(
        "liability",
        Named(_LIABILITY, LIABILITIES_MAX),
        "by class of failure, who pays, up to what, and what decides it",
        required=False,
        default={},
    ),
    FieldSpec(
        "notices",
        Named(_NOTICE, NOTICES_MAX),
        "what one party tells the other, and by when",
        required=False,
        default={},
    ),
    FieldSpec(
        "contacts",
        Named(_CONTACT, CONTACTS_MAX),
        "by role, where each party is reached; it stays in the log for good",
        required=False,
        default={},
    ),
    FieldSpec(
        "signatures",
        Named(Text("base64 of 64 bytes", SIGNATURE), len(Side), words=tuple(Side)),
        "both parties' over all the rest of the agreement: `safeconduct agreement sign FILE --key KEY` writes them",
        required=False,
        default={},
    ),
)
"""The keys of an agreement that say what the parties owe each other, and their signatures."""
