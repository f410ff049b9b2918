"""Tools as a path seals them: what each does, which of its arguments decide over that, and who reads what goes in.

docs/spec/sinks.md has the promises. A path that seals any tool decides over every tool call on it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Effect(StrEnum):
    """What a tool does to the world. Only `read` changes nothing and tells nobody outside."""

    READ = "read"
    EGRESS = "egress"  # somebody outside learns its arguments
    WRITE = "write"
    DESTRUCTIVE = "destructive"
    PRIVILEGED = "privileged"  # it changes who may do what


class Asking(StrEnum):
    """When a person is asked before a tool is called."""

    NEVER = "never"  # what would be asked is denied
    ON_VIOLATION = "on-violation"
    ALWAYS = "always"


class Trust(StrEnum):
    """How far a value must be trusted to stand in an argument, or a tool's result is. From the least on."""

    UNTRUSTED = "untrusted"
    TOOL_TRUSTED = "tool-trusted"
    ENDORSED = "endorsed"
    USER = "user"


@dataclass(frozen=True, slots=True, kw_only=True)
class Constraint:
    """What a playbook lets one argument be, or a schema a member of a result: a text, an address or a number.

    An address must be in one of `networks` where there are any, and in none of `outside`.
    """

    one_of: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()
    outside: tuple[str, ...] = ()
    least: int | None = None
    most: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A tool's entry. An argument that is neither in `authority` nor in `content` counts as authority.

    `readers` see what the arguments hold: a value whose own readers don't include them may not go there. `known` are
    the values of an argument that the operator vouches for; a value of an argument in `scope` may be a target of the
    path's scope. `result` and `result_readers` are the label of what it returns; a result
    that `result_schema` closes, every member within bounds, is endorsed. `resolves` names members of its
    result: asked with words of the user's alone and answered with exactly one record, it says what those words mean.
    An `opaque` tool's result is put before no model: a variable stands for it, unless its schema closes it.
    """

    name: str
    effect: Effect
    authority: tuple[str, ...] = ()
    content: tuple[str, ...] = ()
    authority_trust: Trust = Trust.USER
    content_trust: Trust = Trust.UNTRUSTED
    readers: tuple[str, ...] = ("*",)
    known: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    scope: tuple[str, ...] = ()
    result: Trust = Trust.UNTRUSTED
    result_readers: tuple[str, ...] = ()
    result_schema: Mapping[str, Constraint] = field(default_factory=dict)
    resolves: tuple[str, ...] = ()
    opaque: bool = False
    approval: Asking = Asking.ON_VIOLATION


@dataclass(frozen=True, slots=True, kw_only=True)
class Playbook:
    """Calls of a tool that were authorized beforehand: each argument within its constraint, so many in an hour.

    `grounded` are those of them that must rest on somebody's word besides: within bounds, it is still not for whoever
    writes into what a model reads to choose them.
    """

    id: str
    tool: str
    where: Mapping[str, Constraint]
    per_hour: int
    grounded: tuple[str, ...] = ()
