"""From Sigma's YAML to our form. pySigma reads it; what we cannot run is refused by name, never run differently."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from sigma.correlations import SigmaCorrelationRule
from sigma.exceptions import SigmaError
from sigma.filters import SigmaFilter
from sigma.processing.pipeline import ProcessingItem, ProcessingPipeline
from sigma.processing.transformations import ValueListPlaceholderTransformation
from sigma.rule import SigmaRule

from safeconduct.kernel.canonical import digest
from safeconduct.kernel.errors import InvalidInputError
from safeconduct.soc.detection.conditions import names_evidence, node, unsupported
from safeconduct.soc.detection.correlation_parsing import Counted, correlation
from safeconduct.soc.detection.correlations import Correlation
from safeconduct.soc.detection.filtering import as_rule, filter_of, filtered
from safeconduct.soc.detection.hazards import refuse_hazards
from safeconduct.soc.detection.ir import Head, LogSource, Or, RuleIR
from safeconduct.soc.detection.model import Filter, Problem, RuleError, RuleSet
from safeconduct.soc.detection.placeholders import placeholders
from safeconduct.soc.detection.reading import Found, brief, read

TECHNIQUE = re.compile(r"t\d{4}(?:\.\d{3})?")


@dataclass
class _Conversion:
    """What is known while a set of rules is converted."""

    found: dict[str, Found]
    problems: list[Problem]
    filled: Mapping[str, Sequence[str]]
    filters: list[Filter] = field(default_factory=list)
    heads: dict[str, Head] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.ids = {item.rule.name: key for key, item in self.found.items() if item.rule.name} | {
            key: key for key in self.found
        }
        self.counted = {
            self.ids.get(reference)
            for item in self.found.values()
            for reference in item.counts
            if isinstance(item.rule, SigmaCorrelationRule) and not item.rule.generate
        }

    def head(self, item: Found) -> Head:
        rule = item.rule
        techniques = {
            tag.name.upper() for tag in rule.tags if tag.namespace == "attack" and TECHNIQUE.fullmatch(tag.name)
        }
        return Head(
            id=item.id,
            name=rule.name or "",
            title=rule.title,
            level=rule.level.name.lower() if rule.level else "informational",
            digest=digest({"content": item.content, "rule": item.id}),
            techniques=tuple(sorted(techniques)),
            description=(rule.description or "").strip(),
            falsepositives=tuple(map(str, rule.falsepositives)),
            author=rule.author or "",
            alerts=item.id not in self.counted,
        )

    def refuse(self, item: Found, error: RuleError) -> None:
        told = RuleError(f"{item.name}: {error.message}", code=error.code, remedy=error.remedy)
        self.problems.append(Problem(item.name, told, item.id, item.rule.title))


NOTHING_FILLED: Mapping[str, Sequence[str]] = {}


def load(files: Iterable[tuple[str, str]], filled: Mapping[str, Sequence[str]] = NOTHING_FILLED) -> RuleSet:
    """Reads rule files, given as (name, text). `filled` are the values of placeholders, in Sigma's spelling.

    Raises:
        RuleError: the first problem found; no rule of the set is to be run then.
    """
    rules, problems = check(files, filled)
    if problems:
        raise problems[0].error
    return rules


def check(
    files: Iterable[tuple[str, str]], filled: Mapping[str, Sequence[str]] = NOTHING_FILLED
) -> tuple[RuleSet, list[Problem]]:
    """Reads rule files and returns the rules that can be used and every problem of the others."""
    found: dict[str, Found] = {}
    filters: list[Found] = []
    problems: list[Problem] = []
    for name, text in files:
        try:
            for item in list(read(name, text, filled, placeholders(text))):
                if isinstance(item.rule, SigmaFilter):
                    filters.append(item)
                    continue
                if item.id in found:
                    raise RuleError(f"{name}: id {item.id} is also that of {found[item.id].name}")
                found[item.id] = item
        except InvalidInputError as error:
            problems.append(Problem(name, error))
    conversion = _Conversion(found, problems, filled)
    conversion.filters = list(_filters(filters, conversion))
    rules = tuple(_event_rules(conversion))
    return RuleSet(rules, tuple(_correlations(conversion)), tuple(conversion.filters)), problems


def _filters(items: Iterable[Found], conversion: _Conversion) -> Iterator[Filter]:
    for item in items:
        assert isinstance(item.rule, SigmaFilter)  # noqa: S101 - `check` chose by it
        try:
            yield filter_of(item, item.rule, _filled(as_rule(item.rule), conversion.filled), conversion.ids)
        except RuleError as error:
            conversion.refuse(item, error)
        except SigmaError as error:
            conversion.refuse(item, RuleError(brief(error)))


def _event_rules(conversion: _Conversion) -> Iterator[RuleIR]:
    for item in conversion.found.values():
        if not isinstance(item.rule, SigmaRule):
            continue
        try:
            rule = _event_rule(item.rule, conversion.head(item), conversion)
        except RuleError as error:
            conversion.refuse(item, error)
        except SigmaError as error:
            conversion.refuse(item, RuleError(brief(error)))
        else:
            conversion.heads[item.id] = rule.head
            yield rule


def _filled(rule: SigmaRule, filled: Mapping[str, Sequence[str]]) -> SigmaRule:
    """Fills in placeholders; a rule that names one without values can't be run, and pySigma says so."""
    if filled:
        values = {name: list(given) for name, given in filled.items()}
        ProcessingPipeline([ProcessingItem(ValueListPlaceholderTransformation())], vars=values).apply(rule)
    return rule


def _event_rule(rule: SigmaRule, head: Head, conversion: _Conversion) -> RuleIR:
    _filled(rule, conversion.filled)
    conditions = tuple(node(condition.parsed) for condition in rule.detection.parsed_condition)
    condition = conditions[0] if len(conditions) == 1 else Or(conditions)
    if not names_evidence(condition):
        raise unsupported("a condition that can hold by keywords that are nowhere, so that no evidence can be named")
    refuse_hazards(condition)
    source = LogSource(rule.logsource.category or "", rule.logsource.product or "", rule.logsource.service or "")
    return filtered(RuleIR(head=head, source=source, condition=condition), conversion.filters)


def _correlations(conversion: _Conversion) -> Iterator[Correlation]:
    """Yields them after the rules they count; correlations may count correlations."""
    waiting = [item for item in conversion.found.values() if isinstance(item.rule, SigmaCorrelationRule)]
    counted = Counted(conversion.ids, conversion.heads)
    while waiting:
        ready = [item for item in waiting if counted.knows(item.counts)]
        for item in ready or waiting:
            try:
                if not ready:
                    raise RuleError("it counts a rule that is not here, cannot be used, or is itself")  # noqa: TRY301
                assert isinstance(item.rule, SigmaCorrelationRule)  # noqa: S101 - all that waited are
                made = correlation(item.rule, item.written, conversion.head(item), counted)
            except RuleError as error:
                conversion.refuse(item, error)
            else:
                conversion.heads[item.id] = made.head
                yield made
        waiting = [item for item in waiting if item not in ready] if ready else []
