"""The signals: each a rule over the facts of one subject within a window (docs/spec/watch.md section 3).

None looks at what anybody said: marks, codes and counts are all there is.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise

from safeconduct.access.escalation import SignalKind
from safeconduct.gateway.arriving import MISUSED
from safeconduct.gateway.traits import distance
from safeconduct.kernel.instants import HOUR, MINUTE, Duration
from safeconduct.watch.model import Fact, FactKind, Rule, Signal, raised

ALIKE_BITS = 22
"""Bits in which the likenesses of two prompts may differ that say much the same: 95 of 100 pairs that were rephrased
lie within it, and 5 of 100 that were not (measured by tests/watch)."""

REFUSED_MIN = 3
"""Of the variants of one prompt, how many must have been refused: one or two refusals are a misunderstanding."""

REFUSED_SHARE = 0.4
"""And which share of them: a service whose prompts are all alike has one refused now and then."""

NETWORKS_MIN = 3
"""Networks from which one token comes within the window: an office and a phone are two."""

SWITCHES_MIN = 4
"""Changes from one network to another within the window: who travels changes once, two people all the time."""

PROBES = frozenset({"system-prompt-probe", "training-data-probe"})
"""Families of hints that ask for what the model was told or trained on, not for what it can do."""

SWEPT = 0.9
"""The share of a sweep's neighbors that are alike, or that are not: who works mixes both."""

DENIALS_WEIGH = 4
"""How many asks one denial counts for: to be asked is ordinary work, to be denied is not."""

STOPPED_SHARE = 0.1
"""The share of an agent's tool calls that are asked about or denied, from which on it counts: of work it is 2 %."""

CONTENT_STEPS = frozenset({5, 6, 7})
"""Steps of docs/spec/call.md that refuse for what a request says; others for its form, its rate or its caller."""

NOT_CONTENT = frozenset({"approval-required", "frozen", "suspended", "no-grant", "outside-window", "budget-exhausted"})
"""Codes of these steps that say nothing of the request: the same bytes may pass a moment later."""

Found = tuple[int, str] | None
"""What a rule found: how many, and in words. None: nothing."""


@dataclass(frozen=True, slots=True)
class Detector:
    """A rule, under which subject a fact counts for it (empty: not at all), and what the facts of one come to.

    Of more than `facts_max` facts the latest are looked at.
    """

    rule: Rule
    subject: Callable[[Fact], str]
    found: Callable[[Rule, tuple[Fact, ...]], Found]
    facts_max: int = 64

    def signal(self, subject: str, facts: tuple[Fact, ...]) -> Signal | None:
        """Returns the signal that the facts of a subject come to, if they do."""
        found = self.found(self.rule, facts)
        return raised(self.rule, subject, facts, *found) if found else None


def is_refused(fact: Fact) -> bool:
    """Tells whether a request was refused for what it says, by a rule or by the vendor."""
    if fact.kind is not FactKind.REFUSED:
        return False
    return not fact.step or (fact.step in CONTENT_STEPS and fact.code not in NOT_CONTENT)


def _holder(fact: Fact) -> str:
    return f"grant:{fact.grant}" if fact.grant else f"principal:{fact.principal}/{fact.path}"


def _who_asks(fact: Fact) -> str:
    likely = fact.kind in (FactKind.CALL, FactKind.REFUSED) and fact.traits.likeness
    return f"principal:{fact.principal}/{fact.path}" if likely else ""


def _retried(rule: Rule, facts: tuple[Fact, ...]) -> Found:
    if not any(map(is_refused, facts)):
        return None
    last = facts[-1].traits.likeness
    alike = [one for one in facts if distance(one.traits.likeness, last) <= ALIKE_BITS]
    first = next((at for at, one in enumerate(alike) if is_refused(one)), None)
    if first is None:
        return None
    tried = alike[first:]
    variants = {one.traits.likeness for one in tried}
    refused = {one.traits.likeness for one in tried if is_refused(one)}
    if len(variants) < rule.threshold or len(refused) < max(REFUSED_MIN, REFUSED_SHARE * len(variants)):
        return None
    return len(variants), f"{len(variants)} versions of one prompt, {len(refused)} of them refused for what they say"


def _probed(rule: Rule, facts: tuple[Fact, ...]) -> Found:
    count = len({one.entry for one in facts})
    families = sorted({family for one in facts for family in one.hints if family in PROBES})
    return (count, f"{count} prompts with hints of {', '.join(families)}") if count >= rule.threshold else None


def _distilled(rule: Rule, facts: tuple[Fact, ...]) -> Found:
    if len(facts) < rule.threshold:
        return None
    marks = [one.traits.likeness for one in facts]
    new = len(set(marks))
    steps = [distance(one, other) for one, other in pairwise(marks)]
    alike = sum(0 < bits <= ALIKE_BITS for bits in steps) / len(steps)
    if new < rule.threshold or SWEPT > alike > 1 - SWEPT:
        return None
    way = "each close to the one before" if alike >= SWEPT else "each unlike the one before"
    return new, f"{new} different prompts of {len(marks)} under one grant, {way} ({alike:.0%} alike)"


def _abused(rule: Rule, facts: tuple[Fact, ...]) -> Found:
    total = dict[str, int]()
    for verdict, count in ((key.partition(":")[0], n) for one in facts for key, n in one.sinks.items()):
        total[verdict] = total.get(verdict, 0) + count
    denied, asked = total.get("deny", 0), total.get("ask", 0)
    count, every = DENIALS_WEIGH * denied + asked, sum(total.values())
    if count < rule.threshold or denied + asked < STOPPED_SHARE * every:
        return None
    return count, f"of {every} tool calls {denied} denied and {asked} held for a person"


def _shared(rule: Rule, facts: tuple[Fact, ...]) -> Found:
    if facts[-1].code in MISUSED:
        unproven = sum(one.code in MISUSED for one in facts)
        told = f"{unproven} requests with the token and without what it is bound to"
        return (unproven, told) if unproven >= rule.threshold else None
    seen = [one.traits.network for one in facts if one.traits.network]
    if seen[-2:-1] in ([], seen[-1:]):  # from where the one before came, too
        return None
    networks, switches = len(set(seen)), sum(one != other for one, other in pairwise(seen))
    if networks < NETWORKS_MIN and switches < SWITCHES_MIN:
        return None
    return networks, f"one token from {networks} networks, with {switches} changes between them"


def _mismatched(_rule: Rule, facts: tuple[Fact, ...]) -> Found:
    return int(facts[-1].code), f"the vendor counts {facts[-1].code} figures that our calls can't make"


def _baited(_rule: Rule, facts: tuple[Fact, ...]) -> Found:
    return len(facts), "a token was used that nobody was given"


def _rule(kind: SignalKind, window: int, threshold: int, counts: str) -> Rule:
    return Rule(kind=kind, window=Duration(window), threshold=threshold, counts=counts)


DETECTORS: tuple[Detector, ...] = (
    Detector(
        _rule(SignalKind.REFUSAL_RETRY, 15 * MINUTE, 4, "versions of one refused prompt, of one principal on one path"),
        _who_asks,
        _retried,
    ),
    Detector(
        _rule(SignalKind.PROBING, HOUR, 3, "prompts that ask for instructions or training data, under one grant"),
        lambda fact: _holder(fact) if not PROBES.isdisjoint(fact.hints) else "",
        _probed,
    ),
    Detector(
        _rule(SignalKind.DISTILLATION, HOUR, 300, "prompts that sweep a template or a field, under one grant"),
        lambda fact: _holder(fact) if fact.kind is FactKind.CALL and fact.traits.likeness else "",
        _distilled,
        facts_max=384,
    ),
    Detector(
        _rule(SignalKind.TOOL_ABUSE, HOUR, 12, "tool calls held for a person, a denied one as four, under one grant"),
        lambda fact: _holder(fact) if fact.kind is FactKind.TURN else "",
        _abused,
    ),
    Detector(
        _rule(SignalKind.OFF_PATH, 24 * HOUR, 1, "a vendor's export with more than our calls make, by upstream"),
        lambda fact: f"upstream:{fact.subject}" if fact.kind is FactKind.USAGE else "",
        _mismatched,
    ),
    Detector(
        _rule(SignalKind.CREDENTIAL_SHARING, 15 * MINUTE, 3, "networks of one token, or requests without its key"),
        lambda fact: f"token:{fact.traits.token}" if fact.traits.token else "",
        _shared,
    ),
    Detector(
        _rule(SignalKind.HONEYTOKEN, 24 * HOUR, 1, "uses of a token that was laid out as bait"),
        lambda fact: f"honeytoken:{fact.subject}" if fact.kind is FactKind.BAIT else "",
        _baited,
    ),
)
"""Every signal there is."""

RULES: Mapping[SignalKind, Rule] = {one.rule.kind: one.rule for one in DETECTORS}
