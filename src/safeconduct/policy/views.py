"""What policies can tell apart of a context: a decision depends on that, and often on less than the whole.

A policy that asks whether a set is empty sees one thing of it, whatever is in it; one that asks whether a set of the
resource contains it, one other; of what no policy names, none sees anything. All else counts as seen whole.
"""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass

import msgspec
from cedarpy import pst

from safeconduct.policy.model import Value, hashable, hashable_record


class Look(msgspec.Struct, frozen=True):
    """How policies look at one attribute of a context.

    `whole` is as it is; `emptiness` is by `isEmpty`; `within` are the attributes of the resource that are asked
    whether they contain all of it.
    """

    whole: bool = False
    emptiness: bool = False
    within: tuple[str, ...] = ()

    def of(self, value: Value, resource: Mapping[str, Value]) -> Hashable:
        """Returns what is seen of a value. Two values with equal forms are the same to these looks."""
        if self.whole or not isinstance(value, frozenset):
            return hashable(value)
        sets = [resource.get(name) for name in self.within]
        if not all(isinstance(one, frozenset) for one in sets):
            return value
        return Look, not value if self.emptiness else None, *(value <= one for one in sets)  # type: ignore[operator]


@dataclass(frozen=True, slots=True)
class Views:
    """How a set of policies looks at contexts. `everything` says that one takes a context as a value, whole."""

    everything: bool
    looks: Mapping[str, Look] = field(default_factory=dict)

    def seen(self, context: Mapping[str, Value], resource: Mapping[str, Value]) -> tuple[Hashable, ...]:
        """Returns all that these policies can tell of a context, asked about a resource with these attributes.

        What has equal forms gets equal decisions, errors included, if all else that is asked is equal. Contexts that
        are written in another order may have other forms.
        """
        if self.everything:
            return (hashable_record(context),)
        looks = self.looks
        names = tuple(context)  # whether one is there may be asked of each
        return names, *(looks[name].of(context[name], resource) if name in looks else None for name in names)

    def tell_apart(self, names: Iterable[str]) -> bool:
        """Tells whether policies see what stands in one of these attributes, and not only what holds of it."""
        return self.everything or any(self.looks[name].whole for name in names if name in self.looks)


def views(policies: Iterable[pst.Template]) -> Views:
    """Returns how policies look at contexts."""
    whole: set[str] = set()
    emptiness: set[str] = set()
    within: defaultdict[str, set[str]] = defaultdict(set)
    waiting: list[object] = list(policies)
    while waiting:
        node = waiting.pop()
        match node:
            case pst.Var("context"):
                return Views(everything=True)
            case pst.UnaryOp("is_empty", pst.GetAttr(pst.Var("context"), name)):
                emptiness.add(name)
            case pst.BinaryOp(
                "contains_all", pst.GetAttr(pst.Var("resource"), attribute), pst.GetAttr(pst.Var("context"), name)
            ):
                within[name].add(attribute)
            case pst.HasAttr(pst.Var("context"), (_,)):
                pass
            case pst.GetAttr(pst.Var("context"), name) | pst.HasAttr(pst.Var("context"), (name, *_)):
                whole.add(name)
            case _:
                waiting.extend(_parts(node))
    named = whole | emptiness | within.keys()
    return Views(
        everything=False,
        looks={name: Look(name in whole, name in emptiness, tuple(sorted(within[name]))) for name in named},
    )


def _parts(node: object) -> Iterator[object]:
    if isinstance(node, Mapping):
        yield from node.values()
    elif isinstance(node, tuple):
        yield from node
    elif is_dataclass(node):
        yield from (getattr(node, one.name) for one in fields(node))
