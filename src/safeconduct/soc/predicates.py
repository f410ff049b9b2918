"""What a claim can say: typed predicates over cited fields. None of them holds a sentence."""

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from safeconduct.kernel.canonical import JSONValue
from safeconduct.kernel.ids import ClaimId, EventId
from safeconduct.soc.hunts.model import Hunt
from safeconduct.soc.quotes import Scalar


class Form(StrEnum):
    """How a quote may differ from the stored value and still be it. Docs/spec/grounding.md, rule 2.

    `path`: a Windows path in other letters, separators or doubled backslashes. `name`: a host or domain in other
    letters. `hash`: hexadecimal in other letters. `address`: an IP address written otherwise. `shown`: as it was put
    before a reader, what can't be seen escaped and what is long cut.
    """

    EXACT = "exact"
    PATH = "path"
    NAME = "name"
    HASH = "hash"
    ADDRESS = "address"
    SHOWN = "shown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One cited field: the event, the JSON pointer into its document, the value that stands there, in which form."""

    event: EventId
    pointer: str
    quote: Scalar
    form: Form = Form.EXACT


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """The field of the event is what the quote says."""

    field: Evidence


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """Exactly `count` of the events in view have `value` at `pointer`. `cited` are they, or their first and last 32."""

    pointer: str
    value: Scalar
    count: int
    cited: tuple[Evidence, ...]


class Order(StrEnum):
    """How two events lie in time. `within` takes the seconds and says nothing about which came first."""

    BEFORE = "before"
    AFTER = "after"
    WITHIN = "within"


@dataclass(frozen=True, slots=True, kw_only=True)
class InOrder:
    """The first event lies before or after the second, or within some seconds of it."""

    order: Order
    first: Evidence
    second: Evidence
    seconds: int = 0


class Tie(StrEnum):
    """What two events share, by the kinds of entities. `parent`: the left event's process started the right event's."""

    USER = "user"
    IP = "ip"
    HOST = "host"
    PROCESS = "process"
    DOMAIN = "domain"
    FILE = "file"
    HASH = "hash"
    SESSION = "session"
    CREDENTIAL = "credential"
    CONNECTION = "connection"
    PARENT = "parent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Relation:
    """The entities at the two fields are the same by their normal form. `support` are fields this also rests on."""

    tie: Tie
    left: Evidence
    right: Evidence
    support: tuple[Evidence, ...] = ()


class Word(StrEnum):
    """How strongly one event is said to follow from another. Each needs its own kinds of edge."""

    FOLLOWED_BY = "followed-by"
    LED_TO = "led-to"
    CAUSED = "caused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Consequence:
    """The left event of the edge was followed by, led to, or caused the right one. The edge cites both times."""

    word: Word
    edge: Relation


@dataclass(frozen=True, slots=True, kw_only=True)
class Technique:
    """The ATT&CK technique is supported by the alert, which fired on the cited fields. `tactic` is one of its own."""

    technique: str
    alert: str
    cited: tuple[Evidence, ...]
    tactic: str = ""


class Judgment(StrEnum):
    """What an incident is: an attack, the rule's behavior with no harm in it, or a rule that erred."""

    TRUE_POSITIVE = "true-positive"
    BENIGN_POSITIVE = "benign-positive"
    FALSE_POSITIVE = "false-positive"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A judgment and the claims it rests on."""

    judgment: Judgment
    claims: tuple[ClaimId, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Absence:
    """No event satisfies the hunt, whose sources were there throughout its window. It cites no field: it names none."""

    hunt: Hunt


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """Exactly `count` events of the telemetry satisfy the hunt. `cited` are fields of some of them."""

    hunt: Hunt
    count: int
    cited: tuple[Evidence, ...]


Predicate: TypeAlias = Observation | Count | InOrder | Relation | Consequence | Technique | Absence | Tally | Verdict


def evidence_of(predicate: Predicate) -> tuple[Evidence, ...]:
    """Returns every field that the predicate cites."""
    match predicate:
        case Observation(field=field):
            return (field,)
        case Count(cited=cited) | Technique(cited=cited) | Tally(cited=cited):
            return cited
        case InOrder(first=first, second=second):
            return (first, second)
        case Relation(left=left, right=right, support=support):
            return (left, right, *support)
        case Consequence(edge=edge):
            return evidence_of(edge)
        case Verdict() | Absence():
            return ()


def detail_of(predicate: Predicate) -> JSONValue:
    """Returns what the predicate says beside the fields it cites, without any value of an event."""
    match predicate:
        case Observation():
            return None
        case Count(pointer=pointer, count=count):
            return [pointer, count]
        case InOrder(order=order, seconds=seconds):
            return [order, seconds]
        case Relation(tie=tie):
            return tie
        case Consequence(word=word, edge=edge):
            return [word, edge.tie]
        case Technique(technique=technique, alert=alert, tactic=tactic):
            return [technique, alert, tactic] if tactic else [technique, alert]
        case Absence() | Tally():
            return _asked(predicate)
        case Verdict(judgment=judgment, claims=claims):
            return [judgment, *claims]


def _asked(predicate: Absence | Tally) -> JSONValue:
    hunt = predicate.hunt
    conditions: list[JSONValue] = [[where.field, where.operator, where.negated] for where in hunt.where]
    count = predicate.count if isinstance(predicate, Tally) else 0
    return [count, hunt.first, hunt.last, list(hunt.sources), conditions]
