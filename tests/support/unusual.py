"""Events of programs that others start, and of connections that send: usual ones, and one that is not."""

import math

from safeconduct.kernel.ids import EventId
from safeconduct.kernel.instants import HOUR, Instant
from safeconduct.soc.anomalies import SEEN_MIN, SPAN_MIN
from safeconduct.soc.model import Event
from safeconduct.soc.volumes import HOURS_MIN, SPREAD_MIN, SPREADS

HOST = "192.0.2.10"
USUAL = 12_000_000
STEP = SPAN_MIN // SEEN_MIN
PARENT = r"C:\Windows\System32\services.exe"


def started(number, program, parent=PARENT, step=STEP, **more):
    process = {"file": {"path": program}, "parent_process": {"file": {"path": parent}}}
    ocsf = {"class_uid": 1007, "activity_id": 1, "process": process} | more
    return Event(id=EventId(f"{number:032x}"), source="json", at=Instant(number * step), raw={}, ocsf=ocsf)


def usual(count, kinds=2, **more):
    return [started(number, rf"C:\bin\tool-{'ab'[number % kinds]}.exe", **more) for number in range(count)]


def sent(number, hour, amount, *, host=HOST, at=0):
    ocsf = {
        "class_uid": 4001, "activity_id": 6, "src_endpoint": {"ip": host}, "dst_endpoint": {"ip": "203.0.113.9"},
        "traffic": {"bytes_out": amount},
    }  # fmt: skip
    return Event(id=EventId(f"{number:032x}"), source="conn", at=Instant(hour * HOUR + at), raw={}, ocsf=ocsf)


def past(hours=HOURS_MIN, amount=USUAL):
    return [sent(number, number, amount) for number in range(hours)]


def ended(events):
    """The events, and one much later that ends every hour."""
    return [*events, sent(10**6, 10**6, 1)]


LIMIT = int(USUAL * math.exp(SPREADS * SPREAD_MIN))
