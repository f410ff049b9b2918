"""What recognizers find of what real telemetry holds, what they keep, and what they take for a secret that is none."""

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from bench import recognizer_texts as texts
from bench.corpora import corpora
from bench.scope import in_percent
from safeconduct.access.inventory import NO_INVENTORY, Inventory, Site, compile_inventory
from safeconduct.boundary.account_shapes import is_built_in
from safeconduct.boundary.by_field import names_in
from safeconduct.boundary.recognizing import recognize

SSHD_LINES = 1_200
ALERTS = 200
METHOD = (
    "Recall: of the places where a value of the truth stands as a whole word in a text, the share that lies in a"
    " finding of that class. Truth of the lab's recording: users and hosts of its inventory, of which the recognizer"
    " is given hosts, domains and networks and no user; of sshd's lines: what they were made with, and no inventory; of"
    " corpora: the values of named fields, sought in the whole event (messages and command lines too), each event by"
    " itself and no inventory. Built-in accounts are left out: a rule keeps them. `kept`: attackers' addresses that are"
    " indicators and nothing else. `secrets`: texts with a finding of class secret where none is. `touched`: texts with"
    " any finding that is no indicator; those in Sigma rules are mostly examples and private networks that they name"
)
Row = dict[str, Any]

_FIELDS: Mapping[str, Mapping[str, Sequence[str]]] = {
    "windows": {"account": ("TargetUserName", "SubjectUserName"), "host": ("Hostname",)},
    "cloudtrail": {"account": ("userName", "arn", "principalId")},
    "zeek": {"account": ("username", "client"), "internal-address": ("id.orig_h", "id.resp_h")},
    "eve": {"internal-address": ("src_ip", "dest_ip")},
}
_NOBODY = frozenset(("", "-", "anonymous", "<unknown>", "root"))
_PRIVATE = re.compile(r"(?:10\.|192\.168\.|172\.(?:1[6-9]|2\d|3[01])\.|169\.254\.|f[cd]|fe80)")


def rows() -> list[Row]:
    """Returns recall by source and class, what is kept, and false alarms of secrets."""
    folder = corpora()
    sources: dict[str, list[str]] = {
        "windows": texts.windows(folder),
        "windows-held-out": texts.windows_held_out(folder),
        "cloudtrail": texts.cloudtrail(folder),
        "cloudtrail-held-out": texts.cloudtrail(folder, "stratus"),
        "zeek": texts.zeek(folder),
        "eve": texts.eve(folder),
    }
    found = [*_recording(), *_sshd()]
    for name, events in sources.items():
        for data_class, fields in _FIELDS[name.removesuffix("-held-out")].items():
            found.append(_row(f"recall.{name}.{data_class}", *_by_field(events, data_class, fields)))
    calm = {"sigma": texts.sigma(folder), "questions": texts.questions(folder), "alerts": alerts(sources["windows"])}
    calm |= {
        name: events for name, events in sources.items() if not name.startswith("cloudtrail")
    }  # where keys do stand
    calm["recording"] = texts.recording("auth.log", "audit.log", "access.log", "dns.jsonl", "flow.jsonl")
    found += [_row(f"secrets.{name}", sum(map(_alarmed, those)), len(those)) for name, those in calm.items()]
    touched = {name: calm[name] for name in ("questions", "sigma")}
    return [*found, *(_row(f"touched.{name}", sum(map(_touched, of)), len(of)) for name, of in touched.items())]


def _recording() -> list[Row]:
    own = json.loads((texts.RECORDING / "inventory.json").read_text())
    networks = tuple(one for group in own["networks"].values() for one in group)
    hosts = tuple(one["name"] for one in own["hosts"])
    given = compile_inventory([Site(id="lab", hosts=hosts, domains=tuple(own["domains"]), networks=networks)])
    lines = texts.recording("auth.log", "audit.log")
    users = [one["name"] for one in own["users"]]
    return [
        _row("recall.recording.account", *_recall(lines, lambda _: users, "account", given)),
        _row("recall.recording.host", *_recall(lines, lambda _: hosts, "host", given)),
    ]


def _sshd() -> list[Row]:
    made = list(texts.sshd_lines(SSHD_LINES))
    lines, held = [line for line, _ in made], dict(made)
    truth = {"account": "user", "host": "host", "internal-address": "own"}
    found = [
        _row(f"recall.sshd.{name}", *_recall(lines, partial(_of, held, part), name, NO_INVENTORY))
        for name, part in truth.items()
    ]
    hits, tried = _recall(lines, partial(_of, held, "foe"), "indicator", NO_INVENTORY)
    return [*found, _row("kept.sshd.attackers", hits, tried)]


def _of(held: Mapping[str, Mapping[str, str]], part: str, line: str) -> list[str]:
    return [held[line][part]] if part in held[line] else []


def _by_field(events: Iterable[str], data_class: str, fields: Sequence[str]) -> tuple[int, int]:
    return _recall(
        list(events), lambda event: list(_values(json.loads(event), fields, data_class)), data_class, NO_INVENTORY
    )


def _values(value: Any, fields: Sequence[str], data_class: str) -> Iterable[str]:  # noqa: ANN401 - JSON
    if isinstance(value, dict):
        for name, inner in value.items():
            if name in fields and isinstance(inner, str) and _counts(inner, data_class):
                yield inner.rstrip("$")
            yield from _values(inner, fields, data_class)
    elif isinstance(value, list):
        for inner in value:
            yield from _values(inner, fields, data_class)


def _counts(value: str, data_class: str) -> bool:
    if data_class == "internal-address":
        return _PRIVATE.match(value) is not None
    return value.lower() not in _NOBODY and not is_built_in(value) and len(value) > 1


def _recall(
    those: Sequence[str], truth: Callable[[str], Iterable[str]], data_class: str, inventory: Inventory
) -> tuple[int, int]:
    hits = tried = 0
    for text in those:
        wanted = set(truth(text))
        findings = recognize(text, inventory, names_in([text], inventory)) if wanted else ()
        covered = [(one.start, one.end) for one in findings if _same(one.data_class, data_class)]
        for value in wanted:
            for place in re.finditer(rf"(?<![\w.-]){re.escape(json.dumps(value)[1:-1])}(?![\w-]|\.\w)", text):
                tried += 1
                hits += any(start <= place.start() and place.end() <= end for start, end in covered)
    return hits, tried


def _same(found: str, wanted: str) -> bool:
    return found == wanted or {found, wanted} == {"account", "host"}  # either way it is protected


def alerts(events: Sequence[str]) -> list[str]:
    """Returns alerts as JSON, each of an event with fields full of hashes and ids beside it."""
    made: list[str] = []
    for event in events:
        read = json.loads(event)
        named = {name: value for name, value in read.items() if "guid" in name.lower() or "hash" in name.lower()}
        if named and len(made) < ALERTS:
            made.append(json.dumps(_alert(len(made), read, named)))
    return made


def _alert(number: int, event: Mapping[str, Any], named: Mapping[str, Any]) -> dict[str, Any]:
    digest = f"{number * 0x9E3779B97F4A7C15 % 2**64:016x}"
    return {
        "rule": {"uuid": f"{digest[:8]}-{digest[:4]}-4{digest[1:4]}-8{digest[2:5]}-{digest[:12]}", "level": "high"},
        "sha256": digest * 4,
        "md5": digest * 2,
        "token": digest * 4,
        "session_key_id": digest,
        "api_key_hash": digest * 4,
        "event": {name: event.get(name) for name in ("Channel", "EventID", "Image", "CommandLine", "Message")},
        **named,
    }


def _alarmed(text: str) -> bool:
    return any(one.data_class == "secret" for one in recognize(text, known=names_in([text])))


def _touched(text: str) -> bool:
    return any(one.data_class != "indicator" for one in recognize(text, known=names_in([text])))


def _row(name: str, hits: int, tried: int) -> Row:
    low, high = in_percent(hits, tried) if tried else (0.0, 0.0)
    samples = {"n": tried, "hits": hits, "low": low, "high": high}
    return {
        "name": f"boundary.{name}",
        "value": 100 * hits / max(tried, 1),
        "unit": "%",
        "method": METHOD,
        "samples": samples,
    }
