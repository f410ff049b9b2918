"""Sigma filters: conditions that are laid over many rules, so that what is known to be harmless is not told."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from sigma.filters import SigmaFilter
from sigma.rule import SigmaDetections, SigmaRule

from safeconduct.kernel.canonical import digest
from safeconduct.soc.detection.conditions import node
from safeconduct.soc.detection.hazards import refuse_hazards
from safeconduct.soc.detection.ir import And, LogSource, RuleIR
from safeconduct.soc.detection.model import Filter, RuleError
from safeconduct.soc.detection.reading import Found

REFERENCE_SHOWN_MAX = 64
"""Characters of a rule's name or id that are told back; an id has 36."""


def as_rule(item: SigmaFilter) -> SigmaRule:
    """Returns a filter's condition as that of a rule, so that what is done to rules can be done to it."""
    detection = SigmaDetections(detections=item.filter.detections, condition=item.filter.condition)
    return SigmaRule(title=item.title, logsource=item.logsource, detection=detection)


def filter_of(item: Found, read: SigmaFilter, rule: SigmaRule, ids: Mapping[str, str]) -> Filter:
    """Returns a filter in our form; `rule` is `as_rule` of what was read, its placeholders filled in.

    Raises:
        RuleError: none of the rules it names is here; it uses what we don't run.
    """
    named = read.filter.rules
    wanted = [] if isinstance(named, str) else [reference.reference for reference in named]
    known = tuple(ids[reference] for reference in wanted if reference in ids)
    unknown = tuple(reference[:REFERENCE_SHOWN_MAX] for reference in wanted if reference not in ids)
    if wanted and not known:
        raise RuleError(f"it filters rules that are not here, first {unknown[0]!r}")
    (condition,) = (node(parsed.parsed) for parsed in rule.detection.parsed_condition)
    refuse_hazards(condition)
    source = LogSource(rule.logsource.category or "", rule.logsource.product or "", rule.logsource.service or "")
    return Filter(
        name=item.name,
        title=read.title,
        digest=item.content,
        rules=known,
        unknown=unknown,
        source=source,
        condition=condition,
    )


def filtered(rule: RuleIR, filters: Iterable[Filter]) -> RuleIR:
    """Returns a rule with the filters that are meant for it; they change its digest, as they change what it finds."""
    fitting = [one for one in filters if _meant(one, rule)]
    if not fitting:
        return rule
    told = digest({"rule": rule.head.digest, "filters": [one.digest for one in fitting]})
    condition = And((rule.condition, *(one.condition for one in fitting)))
    return replace(rule, head=replace(rule.head, digest=told), condition=condition)


def _meant(one: Filter, rule: RuleIR) -> bool:
    pairs = zip(
        (one.source.category, one.source.product, one.source.service),
        (rule.source.category, rule.source.product, rule.source.service),
        strict=True,
    )
    return (not one.rules or rule.head.id in one.rules) and all(wanted in {"", has} for wanted, has in pairs)
