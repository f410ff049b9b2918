"""Step 12: what the tool calls of one turn may do, decided together, on resolved arguments. Pure.

docs/spec/sinks.md has the promises. An argument that decides over what happens must be somebody's word who may say
so; what is only carried may be anything that its readers may see. Whatever is not known counts against the call.
"""

import ipaddress
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from safeconduct.access.tools import Asking, Constraint, Effect, Playbook, Tool, Trust
from safeconduct.boundary.model import Integrity, Label, ToolCall, joined
from safeconduct.boundary.words import Words

CALLS_MAX = 128
"""Tool calls of one turn: as many as vendors take functions. More are not looked at one by one by anybody."""

ARGUMENTS_CHARACTERS_MAX = 256 * 1024
"""Characters of all leaves of one call together. What is longer is a file, and travels by a name."""

LEAVES_MAX = 4_096
"""Values within the arguments of one call."""

INTEGRITY: Mapping[Trust, Integrity] = {
    Trust.UNTRUSTED: Integrity.UNTRUSTED,
    Trust.TOOL_TRUSTED: Integrity.TOOL_TRUSTED,
    Trust.ENDORSED: Integrity.ENDORSED,
    Trust.USER: Integrity.USER,
}
"""The program's words for integrity."""


_LINK = re.compile(r"(?i)(?:[a-z][a-z0-9+.-]{1,20}://|www\.)[^\s\"'<>()\[\]{}]{1,2000}")


class Verdict(StrEnum):
    """What is decided of a call, from the best on: of a turn the worst holds for all that do something."""

    ALLOW = "allow"
    ASK = "ask"
    DENY = "deny"


_ORDER = tuple(Verdict)

HELD = "held-with-the-turn"
"""Why a call is held that would be allowed by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposed:
    """A call that a model proposes, with the label of each leaf of its arguments, by JSON pointer."""

    call: ToolCall
    labels: Mapping[str, Label] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class CallDecision:
    """What was decided of one call: `code` says why in a word, `clause` which rule decided.

    `arguments` are the pointers that it rests on, `playbook` the one that allowed it. `label` is that of all
    arguments together.
    """

    call: ToolCall
    verdict: Verdict
    code: str
    clause: str
    arguments: tuple[str, ...] = ()
    playbook: str = ""
    label: Label = field(default_factory=Label)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What a value may rest on beside its label.

    `words` are the user's, `resolved` the values that trusted tools gave for them. `in_scope` tells whether a text is a
    target of the engagement, `secret` whether it holds one, `misused` why it is no variable that may go, empty where
    nothing is wrong. `uses` counts each playbook's calls of the last hour.
    """

    words: Words = field(default_factory=Words)
    resolved: frozenset[str] = frozenset()
    in_scope: Callable[[str], bool] = lambda _: False
    secret: Callable[[str], bool] = lambda _: False
    misused: Callable[[str], str] = lambda _: ""
    uses: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Found:
    verdict: Verdict
    code: str
    clause: str
    arguments: tuple[str, ...] = ()


def decide_turn(
    proposed: Iterable[Proposed], registry: Iterable[Tool], playbooks: Iterable[Playbook], ground: Ground
) -> tuple[CallDecision, ...]:
    """Decides all calls of a turn, each in its place. A turn goes whole or not at all: one call's ask or no holds all.

    So nothing that was cut in two passes in halves, and a person sees the whole turn, once.
    """
    calls, tools = tuple(proposed), {tool.name: tool for tool in registry}
    if len(calls) > CALLS_MAX:
        return tuple(_decided(one, _Found(Verdict.DENY, "too-many-calls", "turn")) for one in calls)
    uses = dict(ground.uses)
    decided = [_one(one, tools.get(one.call.name), tuple(playbooks), ground, uses) for one in calls]
    held = _Found(max((one.verdict for one in decided), key=_ORDER.index, default=Verdict.ALLOW), HELD, "turn")
    if ground.secret("".join(str(value) for one in calls for _, value in leaves(one.call.arguments))):
        held = _Found(Verdict.DENY, "secret-in-turn", "turn")
    return tuple(_worse(one, held) for one in decided)


def leaves(value: object, pointer: str = "") -> Iterator[tuple[str, object]]:
    """Yields each value within arguments that holds no others, by JSON pointer. An empty list or object is nothing."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from leaves(inner, f"{pointer}/{_escaped(str(name))}")
    elif isinstance(value, list | tuple):
        for index, inner in enumerate(value):
            yield from leaves(inner, f"{pointer}/{index}")
    else:
        yield pointer, value


def grounded_call(call: ToolCall, tool: Tool, ground: Ground) -> bool:
    """Tells whether what says which record a call is about is grounded: all that is asked, or all that decides."""
    carried = () if tool.effect is Effect.READ else tool.content
    about = [(pointer, value) for pointer, value in leaves(call.arguments) if _argument(pointer) not in carried]
    return bool(about) and all(_grounded(pointer, value, tool, ground) for pointer, value in about)


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


def _texts(value: object) -> Iterator[str]:
    """Yields everything in a value that can carry a text: its leaves, and the names of members."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield str(name)
            yield from _texts(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _texts(inner)
    else:
        yield str(value)


def _decided(one: Proposed, found: _Found, playbook: str = "") -> CallDecision:
    return CallDecision(
        call=one.call,
        verdict=found.verdict,
        code=found.code,
        clause=found.clause,
        arguments=found.arguments,
        playbook=playbook,
        label=joined(one.labels.values()),
    )


def _worse(one: CallDecision, found: _Found) -> CallDecision:
    if _ORDER.index(one.verdict) >= _ORDER.index(found.verdict):
        return one
    return CallDecision(call=one.call, verdict=found.verdict, code=found.code, clause=found.clause, label=one.label)


def _one(
    one: Proposed, tool: Tool | None, playbooks: tuple[Playbook, ...], ground: Ground, uses: dict[str, int]
) -> CallDecision:
    if tool is None:
        return _decided(one, _Found(Verdict.DENY, "tool-unregistered", "tools"))
    found = _forbidden(one, tool, ground)
    if found is not None:
        return _decided(one, found)
    playbook = next((book for book in playbooks if _authorizes(book, one.call, tool, ground, uses)), None)
    if playbook is not None:
        uses[playbook.id] = uses.get(playbook.id, 0) + 1
        return _decided(one, _Found(Verdict.ALLOW, "playbook", f"playbooks.{playbook.id}"), playbook.id)
    found = _asked(one, tool, ground)
    if found is not None and tool.approval is Asking.NEVER:
        found = _Found(Verdict.DENY, found.code, found.clause, found.arguments)
    return _decided(one, found or _Found(Verdict.ALLOW, "grounded", f"tools.{tool.name}"))


def _forbidden(one: Proposed, tool: Tool, ground: Ground) -> _Found | None:
    """What no person is asked about: what is too large to look at, hostile, a secret, or no variable of here."""
    values, size = list(leaves(one.call.arguments)), sum(map(len, _texts(one.call.arguments)))
    if len(values) > LEAVES_MAX or size > ARGUMENTS_CHARACTERS_MAX:
        return _Found(Verdict.DENY, "arguments-too-large", f"tools.{tool.name}")
    secret = tuple(pointer for pointer, value in values if ground.secret(str(value)))
    if secret or any(map(ground.secret, _texts(one.call.arguments))):
        return _Found(Verdict.DENY, "secret-in-argument", f"tools.{tool.name}/readers", secret)
    misused = next(filter(None, map(ground.misused, _texts(one.call.arguments))), "")
    if misused:
        return _Found(Verdict.DENY, misused, f"tools.{tool.name}")
    if tool.effect is Effect.READ:
        return None
    hostile = tuple(
        pointer
        for pointer, value in values
        if one.labels.get(pointer, Label()).integrity is Integrity.HOSTILE
        and not _grounded(pointer, value, tool, ground)
    )
    return _Found(Verdict.DENY, "hostile-argument", f"tools.{tool.name}", hostile) if hostile else None


def _asked(one: Proposed, tool: Tool, ground: Ground) -> _Found | None:
    """Returns what a person must be asked about; None where the call may be made."""
    clause = f"tools.{tool.name}"
    if tool.approval is Asking.ALWAYS:
        return _Found(Verdict.ASK, "always-asked", f"{clause}/approval")
    readers, weak, unread = frozenset(tool.readers), list[str](), list[str]()
    for pointer, value in leaves(one.call.arguments):
        label = one.labels.get(pointer, Label())
        grounded = _grounded(pointer, value, tool, ground)
        if not grounded and label.integrity < _needed(pointer, value, tool, ground):
            weak.append(pointer)
        if value is not None and not grounded and not label.readable_by(readers):
            unread.append(pointer)
    if weak and tool.effect is not Effect.READ:
        return _Found(Verdict.ASK, "argument-not-trusted", f"{clause}/authority", tuple(weak))
    return _Found(Verdict.ASK, "argument-not-readable", f"{clause}/readers", tuple(unread)) if unread else None


def _needed(pointer: str, value: object, tool: Tool, ground: Ground) -> Integrity:
    """A link leads whoever reads it, wherever it stands: one that nobody said decides."""
    content = _argument(pointer) in tool.content and not (isinstance(value, str) and _leads(value, ground))
    return INTEGRITY[tool.content_trust if content else tool.authority_trust]


def _leads(text: str, ground: Ground) -> bool:
    return any(not ground.words.has(link) for link in _LINK.findall(text))


def _argument(pointer: str) -> str:
    """Returns the argument that a leaf belongs to."""
    return pointer.split("/", 2)[1].replace("~1", "/").replace("~0", "~") if pointer else ""


def _grounded(pointer: str, value: object, tool: Tool, ground: Ground) -> bool:
    """Tells whether a value is somebody's word who may say it, whoever wrote it here."""
    if value is None:
        return True  # nothing was said
    argument, text = _argument(pointer), value if isinstance(value, str) else str(value)
    if ground.words.has(value) or text in tool.known.get(argument, ()):
        return True
    return text in ground.resolved or (argument in tool.scope and ground.in_scope(text))


def _authorizes(playbook: Playbook, call: ToolCall, tool: Tool, ground: Ground, uses: Mapping[str, int]) -> bool:
    if playbook.tool != call.name or uses.get(playbook.id, 0) >= playbook.per_hour or not _fits(call, playbook):
        return False
    return all(_grounded(f"/{_escaped(name)}", call.arguments[name], tool, ground) for name in playbook.grounded)


def _fits(call: ToolCall, playbook: Playbook) -> bool:
    return all(
        name in playbook.where and within(value, playbook.where[name]) for name, value in call.arguments.items()
    ) and set(playbook.where) <= set(call.arguments)


def within(value: Any, constraint: Constraint) -> bool:  # noqa: ANN401 - a JSON value
    """Tells whether a value is what a constraint lets it be."""
    if constraint.one_of:
        return isinstance(value, str) and value in constraint.one_of
    if constraint.networks or constraint.outside:
        return isinstance(value, str) and _in_networks(value, constraint)
    if isinstance(value, bool) or not isinstance(value, int):
        return False
    least, most = constraint.least, constraint.most
    return (least is None or value >= least) and (most is None or value <= most)


def _in_networks(value: str, constraint: Constraint) -> bool:
    """An address of a version that no network of the constraint has is none that anybody thought of."""
    try:
        found = ipaddress.ip_address(value)
    except ValueError:
        return False
    if getattr(found, "scope_id", None):
        return False  # behind `%` stands any text
    address = getattr(found, "ipv4_mapped", None) or found
    networks, outside = (tuple(map(ipaddress.ip_network, one)) for one in (constraint.networks, constraint.outside))
    if address.version not in {network.version for network in (*networks, *outside)}:
        return False
    return not any(address in network for network in outside) and (
        not networks or any(address in network for network in networks)
    )
