"""What `safeconduct doctor` makes of what an installation says of itself. Pure: nothing is asked here."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from safeconduct.kernel.instants import Instant, rfc3339
from safeconduct.runtime.clock_behind import CLOCKS_APART_MAX, REMEDY, told_behind
from safeconduct.soc.wording import number_of


class State(StrEnum):
    """What a check came to. Only `bad` says no: calls are refused, or something is exposed."""

    OK = "ok"
    WARN = "warn"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found, and what to do about it where that is not nothing."""

    check: str
    state: State
    said: str
    remedy: str = ""


def healthy(findings: list[Finding]) -> bool:
    """Tells whether nothing is bad. No findings at all are no health."""
    return bool(findings) and all(finding.state is not State.BAD for finding in findings)


def about(status: Mapping[str, Any]) -> Iterator[Finding]:
    """Judges what the installation says of itself."""
    yield from map(_log, status["logs"])
    lack = _NO_PROGRAM.get(status["program"])
    yield Finding("program", State.OK if lack is None else State.BAD, status["program"], lack or "")
    if lack is None:
        yield _way_in(status["administrators_with_keys"])
    yield _vetting(status["vetting"])
    for one in status["agreement"]:
        yield Finding("agreement", State(one["state"]), one["said"], one["remedy"])
    yield from _upstreams(status)
    yield from map(_unrevoked, status["unrevoked_keys"])
    for name, remedy in _COUNTED.items():
        if status[name]:
            yield Finding(name, State.WARN, f"{status[name]} {name.replace('_', ' ')}", remedy)
    yield from map(_shipping, status["shipping"])


_NO_PROGRAM: Mapping[str, str] = {
    "none in force": "safeconduct program plan FILE, then program apply FILE",
    "not known while logs are stopped": "first mend the logs: safeconduct log recover",
}
"""What an installation says in the place of a program, and what to do about it."""

_COUNTED: Mapping[str, str] = {
    "waiting": "the partner's witness cosigns what waits; is it up?",
    "ownerless": "safeconduct program ownerless shows what has an owner who is there no more",
    "freezes": "safeconduct unfreeze, when both parties agree",
    "overdue_reviews": "of freezes: safeconduct unfreeze lists them; freeze-review, or end them",
    "broken_promises": "safeconduct receipt report told of them; ask the log's keeper",
    "effects": "they are carried out by the running server",
}
"""What there should be none of, and what to do about it."""


def _log(log: Mapping[str, Any]) -> Finding:
    stopped = log["stopped"] and not log["successor"]
    said = f"{log['origin']}: {log['stopped'] or 'running'}, {log['size']} entries"
    return Finding("log", State.BAD if stopped else State.OK, said, "safeconduct log recover" if stopped else "")


def _unrevoked(key: Mapping[str, Any]) -> Finding:
    said = f"{key['key']} of {', '.join(key['upstreams'])} is not revoked ({key['state']}): {key['said']}"
    remedy = "whoever administers the vendor's account revokes it there; then the program names the new key's id"
    return Finding("key", State.WARN, said, remedy)


def _shipping(line: Mapping[str, Any]) -> Finding:
    said = f"{line['name']}: {line['problem'] or 'sending'}, {len(line['refused'])} refused"
    return Finding("shipping", State.WARN if line["problem"] or line["refused"] else State.OK, said)


def _way_in(administrators: Sequence[str]) -> Finding:
    """Judges whether somebody gets in while the identity provider or the partner is down."""
    if administrators:
        said = f"{', '.join(administrators)}: with a key on this machine, whatever else is down"
        return Finding("way in", State.OK, said)
    said = "no administrator has a key: while the identity provider is down nobody changes anything"
    return Finding("way in", State.WARN, said, "safeconduct keys new NAME --out FILE, and name its public half")


def _vetting(vetting: Mapping[str, Any]) -> Finding:
    if not vetting["demanded"]:
        return Finding("vetting", State.OK, "none demanded: the program itself is what admits whom it names", "")
    if vetting["overdue"]:
        said = f"{vetting['overdue']} decisions are overdue"
        return Finding("vetting", State.WARN, said, "safeconduct vetting list shows them; somebody decides them")
    return Finding("vetting", State.OK, "demanded, and no decision is overdue", "")


def _upstreams(status: Mapping[str, Any]) -> Iterator[Finding]:
    serving = status["server"] != "none"
    if serving and not status["upstreams"]:
        yield Finding("upstream", State.BAD, "no model server is configured", "safeconduct serve --upstreams FILE")
    for one in status["upstreams"]:
        said = f"{one['name']}: {one['vendor']}, region {one['region']}, retention {one['retention']}"
        remedy = "nobody has run this vendor live yet" if one["experimental"] else ""
        yield Finding("upstream", State.WARN if one["experimental"] else State.OK, said, remedy)


def about_path(path: Mapping[str, Any]) -> Finding:
    """Judges whether a path, as the server that runs shows it, has a provider that may be asked."""
    asked = [one["upstream"] for one in path["running"] if one["inside"]]
    if asked:
        return Finding("path", State.OK, f"{path['id']} v{path['version']}: {', '.join(asked)}")
    why = [
        f"{one['upstream']} has another {' and '.join(one['otherwise'])}"
        if one["configured"]
        else f"{one['upstream']} is not configured"
        for one in path["running"]
    ]
    remedy = "make the program's upstreams and the server's upstreams file say the same: safeconduct path show"
    return Finding("path", State.BAD, f"{path['id']} takes no calls: {'; '.join(why)}", remedy)


def about_telemetry(listed: Sequence[Mapping[str, Any]]) -> Iterator[Finding]:
    """Judges whether the program says for how long telemetry is kept: without a word it is until the disk is full."""
    for one in listed:
        endless = [kept for kept in one["kept"] if kept["days"] is None]
        for state, some in ((State.WARN, endless), (State.OK, [kept for kept in one["kept"] if kept not in endless])):
            if some:
                size, oldest = sum(kept["bytes"] for kept in some), min(kept["oldest_day"] for kept in some)
                said = f"{one['owner'] or 'the house'}: {size:,} bytes since {oldest}"
                told = f"{said}, kept without limit" if state is State.WARN else f"{said}, kept for days"
                remedy = "state organizations.NAME.telemetry_days in the program" if state is State.WARN else ""
                yield Finding("telemetry", state, told, remedy)
        lost = [stray for stray in one["strays"] if not stray["described"]]
        if lost:
            told = (
                f"{one['owner'] or 'the house'}: {number_of(len(lost), 'raw file')} kept for ever: nothing describes it"
            )
            yield Finding("telemetry", State.WARN, told, "safeconduct events retention --dry-run names them")


def about_clock(here: Instant, machine: Instant) -> Finding:
    """Judges an installation's time by that of the machine: it is ahead where the machine's is behind the log."""
    if said := told_behind(here, machine):
        return Finding("clock", State.WARN, said, REMEDY)
    if machine - here > CLOCKS_APART_MAX:
        said = f"it is {rfc3339(here)} for the installation and {rfc3339(machine)} on this machine"
        return Finding("clock", State.WARN, said, "set the clock of the server's machine")
    return Finding("clock", State.OK, f"it is {rfc3339(here)}")
