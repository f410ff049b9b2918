"""The part of the schema that is about hints of an attack: a program's own rules, and what each must show of itself.

docs/spec/detection.md section 2 has the rules; a program that breaks one can't be planned.
"""

from collections.abc import Mapping
from typing import Any

import msgspec
import re2  # type: ignore[import-untyped]

from safeconduct.access.detection import Family, HintAct, OwnHintRule, Where
from safeconduct.access.document import Fields, ProgramInvalidError, parse_document
from safeconduct.access.reading import Choice, FieldSpec, ListOf, Log, Named, Section, Text, Whole
from safeconduct.kernel.errors import InvalidInputError

RULES_MAX = 64
"""Rules of a program's own. Each is a pass of its own over what is read, so that none can hide what another finds."""

PATTERN_MAX = 512
"""Characters of a pattern: several times the longest that anybody wrote by hand and could still read."""

PROGRAM_MAX = 4_096
"""Instructions that a pattern may compile to: a counted repetition makes many of few characters, each costs time."""

EXAMPLES_MAX = 16
EXAMPLE_MAX = 1_024
STRENGTH_MAX = 10_000
"""More than the linear model can come to in a text."""

LABELS_MAX = 16
"""Labels of a classifier that are attacks. Common ones have one or two."""

_FAMILIES = tuple(family for family in Family if family is not Family.MODEL)
_PATTERN_MEMORY = 1 << 20
Values = Mapping[str, Any]


def compiled(pattern: str) -> Any:  # noqa: ANN401 - of a library without types
    """Returns a pattern as it is looked for: without regard to case, `^` and `$` at each line, in linear time.

    Raises:
        InvalidInputError: It is not RE2's, too large, or found in a text of nothing, and so everywhere.
    """
    options = re2.Options()
    options.case_sensitive, options.log_errors, options.max_mem = False, False, _PATTERN_MEMORY
    try:
        found = re2.compile(f"(?m){pattern}", options)
    except re2.error as error:
        told = error.args[0] if error.args else error
        told = told.decode("utf-8", "replace") if isinstance(told, bytes) else told
        raise InvalidInputError(f"expected a pattern of RE2: {told}") from error
    if found.programsize > PROGRAM_MAX:
        size = f"expected a pattern of at most {PROGRAM_MAX} instructions, got {found.programsize}"
        raise InvalidInputError(f"{size}: repeat less")
    if found.search(b""):
        raise InvalidInputError("expected a pattern that asks for something: this one is found in an empty text")
    return found


_EXAMPLE = Text(f"text of up to {EXAMPLE_MAX}", rf"(?s).{{1,{EXAMPLE_MAX}}}")
HINT_RULES = Named(
    Section(
        (
            FieldSpec("family", Choice(_FAMILIES), "what kind of attack it looks for"),
            FieldSpec(
                "where",
                Choice(tuple(Where)),
                "which texts it looks at: what tools and documents bring, what users say too, a system text too",
                required=False,
                default=Where.DATA.value,
            ),
            FieldSpec(
                "pattern",
                Text(f"pattern of RE2 of up to {PATTERN_MAX}", rf"(?s).{{1,{PATTERN_MAX}}}", compiled),
                "what it looks for, without regard to case",
            ),
            FieldSpec("finds", ListOf(_EXAMPLE, EXAMPLES_MAX, 1), "texts in which it must be found"),
            FieldSpec("spares", ListOf(_EXAMPLE, EXAMPLES_MAX, 1), "harmless texts in which it must not"),
        ),
        "hint rule",
    ),
    RULES_MAX,
)
HINT_FAMILIES = Named(Choice(tuple(HintAct)), len(Family), words=tuple(Family))
_STRENGTH = Whole(0, STRENGTH_MAX)
_LABEL = Text("label", r"[ -~]{1,64}", form="up to 64 printable characters")
HINT_CLASSIFIER = Section(
    (
        FieldSpec("labels", ListOf(_LABEL, LABELS_MAX, 1), "those of its labels that are attacks"),
        FieldSpec("percent", Whole(1, 100), "the score from which on one counts, in percent"),
    ),
    "classifier",
)
HINT_LIMITS = Section(
    (
        FieldSpec("user", _STRENGTH, "of what users say", required=False),
        FieldSpec("data", _STRENGTH, "of what tools and documents bring", required=False),
    ),
    "limits",
)


def check_hints(values: Values, log: Log) -> None:
    """Notes rules that fail on their own examples, and paths that name rules or limits of nothing."""
    for name, rule in values["hint_rules"].items():
        _check_examples(name, rule, log)
    for name, path in values["paths"].items():
        for index, rule in enumerate(path["hint_rules"]):
            if rule not in values["hint_rules"]:
                told = f"path {name}: no hint rule {rule!r}"
                log.wrong_at(("paths", name, "hint_rules", index), told, "reference-unknown")
        if path["hint_limits"] and not path["hint_model"]:
            told = f"path {name}: limits of a linear model that it does not ask: expected hint_model: true"
            log.wrong_at(("paths", name, "hint_limits"), told)


def own_hint_rules(source: bytes, file: str) -> tuple[OwnHintRule, ...]:
    """Returns the rules of a program file, or of a file with nothing but `hint_rules`, whether paths name them or not.

    Raises:
        TooLargeError: the file is over its limit.
        InvalidInputError: `hint-rules-missing`: it has none.
        ProgramInvalidError: with every problem of theirs, each at its line and column.
    """
    node, log = parse_document(source, file), Log()
    written = node.fields.get("hint_rules") if isinstance(node, Fields) else None
    if written is None:
        raise InvalidInputError(f"{file} has no hint_rules", code="hint-rules-missing")
    rules = HINT_RULES.read(written[1], ("hint_rules",), log)
    for name, rule in (rules if not log.problems else {}).items():
        _check_examples(name, rule, log)
    if log.problems:
        raise ProgramInvalidError(file, log.problems)
    return msgspec.convert([_kept(rule) for rule in rules.values()], tuple[OwnHintRule, ...])


def sealed_hint_rules(path: Values, values: Values) -> dict[str, Any]:
    """Returns a path's slice of the program's own rules, without their examples."""
    return {"hint_rules": [_kept(values["hint_rules"][name]) for name in path["hint_rules"]]}


def _kept(rule: Values) -> dict[str, Any]:
    return {key: rule[key] for key in ("id", "family", "where", "pattern")}


def _check_examples(name: str, rule: Values, log: Log) -> None:
    try:
        pattern = compiled(rule["pattern"])
    except InvalidInputError:
        return  # told where it stands
    for key, wanted in (("finds", True), ("spares", False)):
        for index, text in enumerate(rule[key]):
            if bool(pattern.search(text.encode())) is not wanted:
                told = f"hint rule {name}: expected to be found here" if wanted else f"hint rule {name}: found here"
                log.wrong_at(("hint_rules", name, key, index), told, "hint-rule-fails")
