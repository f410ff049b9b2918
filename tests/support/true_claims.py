"""True claims about a world, made from its facts alone. Shares no code with the checker."""

from collections import Counter as Tally
from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations

from safeconduct.kernel.ids import EventId
from safeconduct.kernel.instants import rfc3339
from safeconduct.soc.claims import Author, AuthorKind, Claim, make_claim
from safeconduct.soc.hunts.model import Comparison, Hunt, Where
from safeconduct.soc.model import Event
from safeconduct.soc.predicates import (
    Absence,
    Consequence,
    Count,
    Evidence,
    InOrder,
    Judgment,
    Observation,
    Order,
    Predicate,
    Relation,
    Technique,
    Tie,
    Verdict,
    Word,
)
from safeconduct.soc.predicates import Tally as Counted
from support.soc_world import ALERT_FIELDS, TECHNIQUES, USERS, Fact, World

AUTHOR = Author(kind=AuthorKind.MODEL, name="some-model", version="1", call="01JD0000000000000000000000")
TIME = "/ocsf/time"
HOST = "/ocsf/device/hostname"
USER = {"login": "/ocsf/user/name", "process": "/ocsf/actor/user/name"}
ADDRESS = "/ocsf/src_endpoint/ip"


def true_claims(world: World, author: Author = AUTHOR) -> list[Claim]:
    """Returns many true claims of every kind, the verdict last."""
    claims = [make_claim(world.incident.id, author, predicate) for predicate in _predicates(world)]
    unique = list({claim.id: claim for claim in claims}.values())
    techniques = [claim.id for claim in unique if isinstance(claim.predicate, Technique)]
    grounds = (techniques[0], *(claim.id for claim in unique[:3] if claim.id != techniques[0]))
    verdict = Verdict(judgment=Judgment.TRUE_POSITIVE, claims=grounds)
    return [*unique, make_claim(world.incident.id, author, verdict)]


def _predicates(world: World) -> Iterator[Predicate]:
    for id_, event in world.events.items():
        for pointer, value in _written(event):
            yield Observation(field=Evidence(event=id_, pointer=pointer, quote=value))
    yield from _counts(world)
    yield from _searches(world)
    for (left, one), (right, other) in combinations(world.facts.items(), 2):
        yield from _orders(left, one, right, other)
        ties = list(_ties(left, one, right, other))
        yield from ties
        yield from _followed(left, one, right, other, ties)
    yield from _parents(world)
    for alert in world.alerts:
        fact = world.facts[alert.events[0]]
        told = fact.outcome if fact.kind == "login" else fact.text
        cited = (Evidence(event=alert.events[0], pointer=ALERT_FIELDS[fact.kind], quote=told),)
        for technique in fact.alert:
            yield Technique(technique=technique, alert=alert.id, cited=cited)
            yield Technique(technique=technique, alert=alert.id, cited=cited, tactic=TECHNIQUES[technique].tactics[0])


def _written(event: Event) -> Iterator[tuple[str, str | int]]:
    for root in ("raw", "ocsf"):
        stack = [(f"/{root}", getattr(event, root))]
        while stack:
            pointer, here = stack.pop()
            if isinstance(here, dict):
                stack += [(f"{pointer}/{name}", value) for name, value in here.items()]
            elif isinstance(here, list):
                stack += [(f"{pointer}/{place}", value) for place, value in enumerate(here)]
            else:
                yield pointer, here


def _counts(world: World) -> Iterator[Predicate]:
    hosts = Tally(fact.host for fact in world.facts.values())
    for host, count in hosts.items():
        cited = tuple(
            Evidence(event=id_, pointer=HOST, quote=host) for id_, fact in world.facts.items() if fact.host == host
        )
        yield Count(pointer=HOST, value=host, count=count, cited=cited)


def _searches(world: World) -> Iterator[Predicate]:
    """Yields who logged in how often, and who did not where others did, by hunts over the world's whole time."""
    logins = {id_: fact for id_, fact in world.facts.items() if fact.kind == "login"}
    times = [fact.at for fact in world.facts.values()]

    def hunt(**wanted: str) -> Hunt:
        where = tuple(Where(column, Comparison.EQUALS, value) for column, value in wanted.items())
        return Hunt(where=where, first=min(times), last=max(times), sources=("login",))

    for user, count in Tally(fact.user for fact in logins.values()).items():
        cited = tuple(
            Evidence(event=id_, pointer=HOST, quote=fact.host) for id_, fact in logins.items() if fact.user == user
        )
        yield Counted(hunt=hunt(user=user), count=count, cited=cited)
    for host in {fact.host for fact in logins.values()}:
        there = {fact.user for fact in logins.values() if fact.host == host}
        yield from (Absence(hunt=hunt(host=host, user=user)) for user in ("mallory", *USERS) if user not in there)


def _orders(left: EventId, one: Fact, right: EventId, other: Fact) -> Iterator[Predicate]:
    # One time as OCSF writes it, the other as a person would.
    first = Evidence(event=left, pointer=TIME, quote=one.at // 1000)
    second = Evidence(event=right, pointer=TIME, quote=rfc3339(other.at))
    if one.at // 1000 < other.at // 1000:
        yield InOrder(order=Order.BEFORE, first=first, second=second)
        yield InOrder(order=Order.AFTER, first=second, second=first)
    gap = abs(other.at - one.at)
    yield InOrder(order=Order.WITHIN, first=first, second=second, seconds=gap // 1_000_000 + 1)


def _ties(left: EventId, one: Fact, right: EventId, other: Fact) -> Iterator[Relation]:
    if one.host == other.host:
        yield _relation(Tie.HOST, (left, HOST, one.host), (right, HOST, other.host))
    if one.address == other.address and "process" not in (one.kind, other.kind):
        yield _relation(Tie.IP, (left, ADDRESS, one.address), (right, ADDRESS, other.address))
    if (one.user, one.host) == (other.user, other.host) and "request" not in (one.kind, other.kind):
        hosts = ((left, HOST, one.host), (right, HOST, other.host))
        yield _relation(Tie.USER, (left, USER[one.kind], one.user), (right, USER[other.kind], other.user), *hosts)


def _followed(left: EventId, one: Fact, right: EventId, other: Fact, ties: list[Relation]) -> Iterator[Predicate]:
    # An hour is how far correlation looks; root and the host itself are shared by all and join nothing.
    if other.at // 1000 <= one.at // 1000 or other.at - one.at > 3_600_000_000:
        return
    times = tuple(
        Evidence(event=id_, pointer=TIME, quote=fact.at // 1000) for id_, fact in ((left, one), (right, other))
    )
    for tie in ties:
        if tie.tie is Tie.IP or (tie.tie is Tie.USER and one.user != "root"):
            yield Consequence(word=Word.FOLLOWED_BY, edge=replace(tie, support=(*tie.support, *times)))


def _parents(world: World) -> Iterator[Predicate]:
    processes = [(id_, fact) for id_, fact in world.facts.items() if fact.kind == "process"]
    for (parent, one), (child, other) in combinations(processes, 2):
        if (one.pid, one.host) == (other.parent, other.host):
            relation = _relation(
                Tie.PARENT,
                (parent, "/ocsf/process/pid", one.pid),
                (child, "/ocsf/process/parent_process/pid", other.parent),
                (parent, HOST, one.host),
                (parent, TIME, one.at // 1000),
                (child, HOST, other.host),
                (child, TIME, other.at // 1000),
            )
            yield relation
            yield from (Consequence(word=word, edge=relation) for word in Word)


def _relation(tie: Tie, *fields: tuple[EventId, str, str | int]) -> Relation:
    pieces = [Evidence(event=event, pointer=pointer, quote=quote) for event, pointer, quote in fields]
    return Relation(tie=tie, left=pieces[0], right=pieces[1], support=tuple(pieces[2:]))
