"""Deciding the tests of a file, on the very code that decides calls, without an installation."""

from dataclasses import replace
from pathlib import Path

import msgspec

from safeconduct.access import records as kept
from safeconduct.access.authorization import call_schema
from safeconduct.access.changes import changes, enforce
from safeconduct.access.compiling import compile_standing
from safeconduct.access.document import PROGRAM_BYTES_MAX
from safeconduct.access.model.calls import CallRequest
from safeconduct.access.model.programs import ProgramRecord
from safeconduct.access.program import Program
from safeconduct.access.standing import Standing
from safeconduct.access.target_rules import Place
from safeconduct.adapters.files import read_file
from safeconduct.adapters.memory.records import MemoryState
from safeconduct.bootstrap.forms import FORMS
from safeconduct.cli.policy_tests import (
    TESTS_BYTES_MAX,
    CallTest,
    OverEntities,
    OverProgram,
    RequestTest,
    read_tests,
)
from safeconduct.kernel.errors import InvalidInputError
from safeconduct.kernel.ids import EntryId, GrantId, PathId, PrincipalId
from safeconduct.kernel.instants import parse_rfc3339
from safeconduct.policy import Entities, PolicyInvalidError, PolicyRequest, PolicySet, Schema, decide
from safeconduct.policy.expectations import Rehearsal, Tried, held_against, rehearsal
from safeconduct.policy.source import POLICY_TEXT_BYTES_MAX
from safeconduct.policy.values import EntityDocument, read_entities, read_record, read_uid
from safeconduct.program.file import read_program


def rehearse(file: Path, proposed: Path | None = None) -> Rehearsal:
    """Decides every test of a file. `proposed` is a file of policies to try instead of those that it names.

    Raises:
        InvalidInputError, TooLargeError: the file, or one that it names, is not what it must be.
    """
    tests = read_tests(file)
    if isinstance(tests, OverProgram):
        return _over_program(file, tests, proposed)
    return _over_entities(file, tests, proposed)


def compiled(file: Path, schema: Schema | None) -> PolicySet:
    """Compiles a file of policies, against a schema if there is one.

    Raises:
        InvalidInputError: it is not valid, told as `FILE:LINE:COLUMN: problem`.
    """
    try:
        return PolicySet.compile(_text(file), schema)
    except PolicyInvalidError as error:
        line, column = error.place
        told = f"{file}:{line}:{column}: {error.problem}"
        raise InvalidInputError(told, code=error.code, remedy=error.remedy) from error


def _over_program(file: Path, tests: OverProgram, proposed: Path | None) -> Rehearsal:
    place = file.parent / tests.program
    standing = _in_force(read_program(read_file(place, PROGRAM_BYTES_MAX), file=str(place), entry_types=FORMS))
    policies = proposed or (file.parent / tests.policies if tests.policies else None)
    if policies is not None:
        standing = replace(standing, policies=compiled(policies, call_schema()))
    tried = (_called(file, name, one, tests.at, standing) for name, one in tests.tests.items())
    return rehearsal(standing.policies.ids, tried)


def _in_force(program: Program) -> Standing:
    """Returns the standing as if the program had been cosigned."""
    state = MemoryState()
    for planned in changes(state, program):
        enforce(state, planned.change)
    record = ProgramRecord(
        digest=program.digest, origin=program.origin, agreement=program.agreement.id, request=EntryId("")
    )
    state.put(kept.PROGRAMS, kept.PROGRAM_KEY, record)
    return compile_standing(state)


def _called(file: Path, name: str, test: CallTest, usual: str | None, standing: Standing) -> Tried:
    at = test.at or usual
    if at is None:
        raise InvalidInputError(f"{file}: test {name} does not say when: at, here or for all", code="tests-invalid")
    path = standing.path(PathId(test.path))
    request = CallRequest(
        principal=PrincipalId(test.principal),
        path=PathId(test.path),
        purpose=test.purpose or (path.purpose if path else ""),
        model=test.model or (path.models[0] if path else ""),
        now=parse_rfc3339(at),
        grant=GrantId(test.grant) if test.grant else None,
        targets=dict.fromkeys(test.targets, Place.ARGUMENT),
        data_classes=test.data_classes,
    )
    return held_against(name, test.expected, standing.authorize(request)[0])


def _over_entities(file: Path, tests: OverEntities, proposed: Path | None) -> Rehearsal:
    schema = Schema.compile(_text(file.parent / tests.schema)) if tests.schema else None
    policies = compiled(proposed or file.parent / tests.policies, schema)
    entities = Entities.compile(read_entities(_entities(file, tests)))
    tried = (
        held_against(name, one.expected, decide(policies, _request(one), entities)) for name, one in tests.tests.items()
    )
    return rehearsal(policies.ids, tried)


def _entities(file: Path, tests: OverEntities) -> list[EntityDocument]:
    if not isinstance(tests.entities, str):
        return tests.entities
    place = file.parent / tests.entities
    try:
        return msgspec.json.decode(read_file(place, TESTS_BYTES_MAX), type=list[EntityDocument])
    except msgspec.MsgspecError as error:
        raise InvalidInputError(f"{place}: {error}", code="tests-invalid") from error


def _request(test: RequestTest) -> PolicyRequest:
    return PolicyRequest(
        read_uid(test.principal), read_uid(test.action), read_uid(test.resource), read_record(test.context)
    )


def _text(file: Path) -> str:
    try:
        return read_file(file, POLICY_TEXT_BYTES_MAX).decode()
    except UnicodeDecodeError as error:
        raise InvalidInputError(f"{file} is not UTF-8: {error.reason}", code="file-unreadable") from error
