"""A small archive to hunt in, and hunts with what they must find there."""

from safeconduct.kernel.canonical import digest
from safeconduct.kernel.ids import EventId
from safeconduct.soc.hunts.model import Comparison, Hunt, Order, Where
from safeconduct.soc.model import Event
from support.telemetry import later


def happened(at_s, source="json", raw=None, **ocsf):
    """An event so many seconds after START; its id tells nothing of its time."""
    raw = {"n": at_s, **(raw or {})}
    meaning = {"class_uid": 1007, "activity_id": 1, **ocsf}
    return Event(id=EventId(digest([source, raw])[:32]), source=source, at=later(at_s), raw=raw, ocsf=meaning)


def launched(at_s, host, path, command, *, user="ana", raw=None, **more):
    """A process started."""
    process = {"file": {"path": path}, "cmd_line": command, "pid": 100 + at_s, "user": {"name": user}}
    return happened(at_s, "audit", raw, device={"hostname": host}, process=process, **more)


def flowed(at_s, src, dst, port, *, size=10, raw=None):
    """Bytes went from one address to another."""
    return happened(
        at_s,
        "flow",
        raw,
        class_uid=4001,
        src_endpoint={"ip": src},
        dst_endpoint={"ip": dst, "port": port},
        traffic={"bytes_out": size},
    )


ARCHIVE = (
    launched(1, "web-01", "/usr/bin/curl", "curl -s http://example.org/A.sh", raw={"Names": ["Ana", "bo"]}),
    launched(2, "web-01", "/bin/sh", "sh -c 'id'", user="bo", raw={"Names": []}),
    launched(3, "db-01", "/usr/bin/CURL", "CURL -o x", raw={"deep": [{"k": ["x", {"y": "Ünï"}]}, {"k": "z"}]}),
    launched(3, "db-01", "/usr/bin/nc", "nc 100%_sure\\n 'quote'", user="", raw={"odd/na~me": "é\u0000b"}),
    flowed(4, "192.0.2.10", "203.0.113.9", 443, raw={"flag": True, "none": None}),
    flowed(5, "192.0.2.10", "203.0.113.9", 22, size=5_000_000_000, raw={"flag": False}),
    flowed(6, "192.0.2.77", "2001:db8::1", 443, size="no number", raw={"Names": ""}),
    flowed(7, "not-an-address", "::ffff:203.0.113.9", 8443, raw={"n'; DROP TABLE events": "a'b\\"}),
)
"""Eight events of two sources; two of them in the same instant."""


def where(field, operator, value="", *, negated=False):
    """A condition."""
    return Where(field, Comparison(operator), value, negated)


def hunt(*conditions, **more):
    """A hunt."""
    return Hunt(where=conditions, **more)


FINDS = (
    (hunt(), (1, 2, 3, 4, 5, 6, 7, 8)),
    (hunt(order=Order.NEWEST, limit=1), (8,)),
    (hunt(where("command", "contains", "CURL")), (1, 3)),
    (hunt(where("command", "contains", "curl", negated=True)), (2, 4, 5, 6, 7, 8)),
    (hunt(where("process", "endswith", "/curl"), where("host", "equals", "WEB-01")), (1,)),
    (hunt(where("command", "contains", "100%_sure\\n")), (4,)),
    (hunt(where("command", "endswith", "'quote'")), (4,)),
    (hunt(where("command", "contains", "100%1sure")), ()),
    (hunt(where("user", "exists", negated=True)), (4, 5, 6, 7, 8)),
    (hunt(where("dst_port", "equals", "443")), (5, 7)),
    (hunt(where("dst_port", "gt", "443")), (8,)),
    (hunt(where("dst_port", "gte", "443")), (5, 7, 8)),
    (hunt(where("dst_port", "lt", "443", negated=True)), (1, 2, 3, 4, 5, 7, 8)),
    (hunt(where("bytes_out", "gt", "4999999999")), (6,)),
    (hunt(where("bytes_out", "exists")), (5, 6, 8)),
    (hunt(where("src_ip", "cidr", "192.0.2.0/26")), (5, 6)),
    (hunt(where("src_ip", "cidr", "192.0.2.0/24", negated=True)), (1, 2, 3, 4, 8)),
    (hunt(where("dst_ip", "cidr", "2001:db8::/32")), (7,)),
    (hunt(where("dst_ip", "cidr", "0.0.0.0/0")), (5, 6)),
    (hunt(where("/raw/Names", "equals", "ana")), (1,)),
    (hunt(where("/raw/Names", "equals", "BO")), (1,)),
    (hunt(where("/raw/Names", "exists")), (1,)),
    (hunt(where("/raw/deep/k/y", "startswith", "ün")), (3,)),
    (hunt(where("/raw/deep/k", "equals", "Z")), (3,)),
    (hunt(where("/raw/odd~1na~0me", "contains", "\u0000")), (4,)),
    (hunt(where("/raw/flag", "equals", "true")), (5,)),
    (hunt(where("/raw/flag", "exists")), (5, 6)),
    (hunt(where("/raw/none", "exists")), ()),
    (hunt(where("/raw/n", "equals", "3")), (3, 4)),
    (hunt(where("/raw/n'; DROP TABLE events", "equals", "A'b\\")), (8,)),
    (hunt(where("/ocsf/process/pid", "startswith", "10")), (1, 2, 3, 4)),
    (hunt(sources=("flow",)), (5, 6, 7, 8)),
    (hunt(sources=("nothing",)), ()),
    (hunt(first=later(3), last=later(4)), (3, 4, 5)),
)
"""Hunts, and which events of ARCHIVE (counted from 1, in order of time and id) satisfy them."""
