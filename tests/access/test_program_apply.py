import hashlib

import pytest

from safeconduct.access import records as kept
from safeconduct.access.changes import plan, plan_text, seal
from safeconduct.access.compiling import compile_standing
from safeconduct.access.cosigning import complete_cosign
from safeconduct.access.events import PROJECTIONS
from safeconduct.access.freezes import pending
from safeconduct.access.program import parse_program
from safeconduct.access.programs import PART_BYTES_MAX, apply
from safeconduct.access.waiting import COSIGN
from safeconduct.kernel.canonical import canonical
from safeconduct.kernel.effects import OUTBOX
from safeconduct.kernel.errors import ConflictError, RefusedError, SafeconductError, TooLargeError, UnauthenticatedError
from safeconduct.ledger.notes import Cosigner, NoteError
from safeconduct.ledger.quorums import PolicyError
from support.immediate import ImmediateWriter
from support.programs import APPLY, KEYS, WITNESS, amending, bring_into_force, cosigned, demo_program, in_force, signed

SOURCE = demo_program()
INSTALLATION = "safeconduct.example/demo/installation"
AGREEMENT = "safeconduct.example/demo/ag-2026-01"


def apply_(writer, source=SOURCE, *, by="ops", key=""):
    act = signed(by, APPLY, source, writer.now, key=key)
    program = parse_program(source)
    return writer.run(lambda tx: apply(tx, program, act, operation=APPLY, content=hashlib.sha256(source).hexdigest()))


def empty():
    return ImmediateWriter(PROJECTIONS)


def edited(old, new):
    assert SOURCE.count(old) == 1
    return SOURCE.replace(old, new)


def without_witness(source=SOURCE):
    return b"\n".join(line for line in source.split(b"\n") if not line.startswith(b"  witness:"))


def unchanged(writer, do, error, code):
    before, count = writer.state.copy().rows, len(writer.entries)
    with pytest.raises(error) as caught:
        do()
    assert caught.value.code == code
    assert (writer.state.rows, len(writer.entries)) == (before, count)


def complete(writer, request, note):
    place = writer.place(request)
    return writer.run(lambda tx: complete_cosign(tx, request, note, index=place))


def test_the_first_program_is_requested_in_the_installation_log_and_counts_for_nothing_yet():
    writer = empty()
    applied = apply_(writer)
    assert [(entry.origin, entry.type) for entry in writer.entries] == [
        (INSTALLATION, "access.program.part/1"),
        (INSTALLATION, "access.program.requested/1"),
    ]
    assert writer.entries[-1].id == applied.request
    assert writer.entries[-1].act["actor"] == "ops"
    assert kept.program_in_force(writer.state) is None
    standing = compile_standing(writer.state)
    assert (standing.epoch, standing.principals, standing.paths) == (0, {}, {})
    (effect,) = [effect for _, effect in writer.state.scan(OUTBOX)]
    assert (effect.kind, effect.key) == (COSIGN, applied.request)
    assert effect.body == {
        "origin": INSTALLATION,
        "agreement_origin": AGREEMENT,
        "policy": f"witness {WITNESS.verifier.name} {WITNESS.verifier.text} http://127.0.0.1:1/\n"
        f"quorum {WITNESS.verifier.name}\n",
    }


def test_the_cosignature_opens_the_agreement_log_and_puts_the_program_in_force():
    writer = empty()
    applied = apply_(writer)
    note = cosigned(INSTALLATION, 2)
    entry = complete(writer, applied.request, note)
    assert (entry.origin, writer.place(entry.id), entry.type) == (AGREEMENT, 0, "access.request.enforced/1")
    assert entry.body == {"request": applied.request, "kind": "program", "checkpoint": note}
    assert list(writer.state.scan(OUTBOX)) == []
    assert list(writer.state.scan(kept.PENDING)) == []
    program = parse_program(SOURCE)
    assert kept.program_in_force(writer.state).digest == program.digest
    assert plan(writer.state, program).changes == ()
    assert compile_standing(writer.state).path("soc-triage") == seal(program.paths[0], 1)


def test_completing_twice_appends_nothing():
    writer = empty()
    applied = apply_(writer)
    for count in (3, 3):
        complete(writer, applied.request, cosigned(INSTALLATION, 2))
        assert len(writer.entries) == count


@pytest.mark.parametrize(
    "note",
    [
        cosigned(AGREEMENT, 2),
        cosigned(INSTALLATION, 1),
        cosigned(INSTALLATION, 2, witness=Cosigner(WITNESS.verifier.name, KEYS["stranger"])),
        cosigned(INSTALLATION, 2, witness=Cosigner("other/witness", KEYS["stranger"])),
        cosigned(INSTALLATION, 2).replace(INSTALLATION + "\n2\n", INSTALLATION + "\n3\n"),
        "",
    ],
)
def test_no_other_checkpoint_puts_it_in_force(note):
    writer = empty()
    applied = apply_(writer)
    before = writer.state.copy().rows
    with pytest.raises((NoteError, PolicyError)):
        complete(writer, applied.request, note)
    assert writer.state.rows == before
    assert len(writer.entries) == 2


def test_without_a_witness_nothing_is_requested():
    writer = empty()
    unchanged(writer, lambda: apply_(writer, without_witness()), RefusedError, "no-witness")
    writer = in_force()
    unchanged(writer, lambda: apply_(writer, without_witness()), RefusedError, "no-witness")


def test_a_change_is_cosigned_by_the_witness_in_force_and_not_by_its_successor():
    writer = in_force()
    successor = Cosigner(WITNESS.verifier.name, KEYS["stranger"])
    source = amending(writer.state, SOURCE.replace(WITNESS.verifier.text.encode(), successor.verifier.text.encode()))
    applied = apply_(writer, source)
    with pytest.raises(PolicyError):
        complete(writer, applied.request, cosigned(AGREEMENT, 9, witness=successor))
    complete(writer, applied.request, cosigned(AGREEMENT, 9))
    assert successor.verifier.text in kept.agreement_in_force(writer.state).witness.policy


@pytest.mark.parametrize(
    ("by", "key", "error", "code"),
    [
        ("ana", "", RefusedError, "role-missing"),
        ("ops", "stranger", UnauthenticatedError, "wrong-key"),
        ("nobody", "stranger", UnauthenticatedError, "signer-unknown"),
        ("triage-service", "stranger", UnauthenticatedError, "signer-unknown"),
    ],
)
@pytest.mark.parametrize("start", [empty, in_force])
def test_only_an_administrator_applies(start, by, key, error, code):
    writer = start()
    source = edited(b"deadline_s: 120", b"deadline_s: 60")
    unchanged(writer, lambda: apply_(writer, source, by=by, key=key), error, code)


def test_the_signature_is_over_exactly_this_file():
    writer = empty()
    act = signed("ops", APPLY, SOURCE + b"\n", writer.now)
    program = parse_program(SOURCE)
    content = hashlib.sha256(SOURCE).hexdigest()

    def do():
        writer.run(lambda tx: apply(tx, program, act, operation=APPLY, content=content))

    unchanged(writer, do, UnauthenticatedError, "act-for-another-request")


def test_applying_what_is_in_force_requests_nothing():
    writer = in_force()
    count = len(writer.entries)
    assert apply_(writer).request is None
    assert len(writer.entries) == count


def test_a_later_change_is_requested_in_the_agreement_log_and_makes_a_new_version_of_the_path():
    writer = in_force()
    old = compile_standing(writer.state).path("soc-triage")
    source = edited(b"deadline_s: 120", b"deadline_s: 60")
    request = apply_(writer, source).request
    assert [entry.origin for entry in writer.entries[-2:]] == [AGREEMENT, AGREEMENT]
    assert compile_standing(writer.state).path("soc-triage") == old
    complete(writer, request, cosigned(AGREEMENT, 9))
    new = compile_standing(writer.state).path("soc-triage")
    assert (new.version, new.limits.deadline_s) == (2, 60)
    assert new.digest != old.digest
    assert [path for _, path in writer.state.scan(kept.PATH_VERSIONS)] == [old, new]


def test_a_path_that_comes_back_gets_a_new_version_and_another_digest():
    writer = in_force()
    first = compile_standing(writer.state).path("soc-triage")
    for source in (edited(b"deadline_s: 120", b"deadline_s: 60"), SOURCE):
        bring_into_force(writer, source)
    third = compile_standing(writer.state).path("soc-triage")
    assert (third.version, third.limits) == (3, first.limits)
    assert third.digest != first.digest


def test_a_change_of_the_scope_is_a_change_of_its_paths():
    writer = in_force()
    bring_into_force(writer, edited(b"targets: [192.0.2.0/24, n", b"targets: [n"))
    path = compile_standing(writer.state).path("soc-triage")
    assert (path.version, path.targets) == (2, ("northwind.example", "*.northwind.example"))


def test_a_newer_request_supersedes_one_that_waits():
    writer = in_force()
    first = apply_(writer, edited(b"deadline_s: 120", b"deadline_s: 60")).request
    second = apply_(writer, edited(b"deadline_s: 120", b"deadline_s: 90")).request
    assert [one.request for one in pending(writer.state)] == [second]
    assert [effect.key for _, effect in writer.state.scan(OUTBOX)] == [second]
    assert complete(writer, first, cosigned(AGREEMENT, 99)) is None
    complete(writer, second, cosigned(AGREEMENT, 99))
    assert compile_standing(writer.state).path("soc-triage").limits.deadline_s == 90


@pytest.mark.parametrize(
    ("old", "new"),
    [(b"origin: safeconduct.example/demo", b"origin: other.example/demo"), (b"id: ag-2026-01", b"id: b")],
)
def test_a_program_of_another_installation_is_refused(old, new):
    writer = in_force()
    unchanged(writer, lambda: apply_(writer, edited(old, new)), ConflictError, "program-of-another-installation")


def test_a_large_program_is_requested_in_parts_and_comes_into_force_whole():
    writer = empty()
    scopes = b"".join(
        b"  s%d: {targets: [192.0.2.1], authorization: %s}\n" % (number, b"x" * 4000) for number in range(40)
    )
    bring_into_force(writer, edited(b"scopes:\n", b"scopes:\n" + scopes))
    parts = [entry for entry in writer.entries if entry.type == "access.program.part/1"]
    assert [part.id for part in parts] == list(writer.entries[len(parts)].body["parts"])
    assert len(parts) > 3
    assert all(len(canonical(part.body)) < PART_BYTES_MAX + 1000 for part in parts)
    assert sum(1 for _ in writer.state.scan(kept.SCOPES)) == 41
    assert list(writer.state.scan(kept.PARTS)) == []


def test_the_limit_on_one_record():
    def fits(program):
        try:
            apply_(empty(), program)
        except TooLargeError:
            return False
        return True

    def program(count):
        targets = ", ".join(f'"{"a" * 40}{number:05d}.example"' for number in range(count)).encode()
        return edited(b'[192.0.2.0/24, northwind.example, "*.northwind.example"]', b"[" + targets + b"]")

    # 56 bytes a target, which a path repeats; what else it has depends on how much a path can say.
    least, most = 1, PART_BYTES_MAX // 56
    while most - least > 1:
        count = (least + most) // 2
        least, most = (count, most) if fits(program(count)) else (least, count)
    assert least > PART_BYTES_MAX // 56 * 0.9
    writer = empty()
    unchanged(writer, lambda: apply_(writer, program(least + 1)), TooLargeError, "too-large")


def test_the_entries_alone_rebuild_the_records():
    writer = in_force()
    bring_into_force(writer, edited(b"deadline_s: 120", b"deadline_s: 60"))
    twin = empty()
    for entry in writer.entries:
        PROJECTIONS[entry.type](twin.state, entry)
    assert twin.state.rows == writer.state.rows


def test_an_entry_that_enforces_nothing_that_waits_is_damage():
    writer = in_force()
    with pytest.raises(SafeconductError) as caught:
        PROJECTIONS["access.request.enforced/1"](writer.state, writer.entries[-1])
    assert caught.value.code == "log-damaged"


def test_a_plan_tells_what_changes_field_by_field():
    writer = in_force()
    source = edited(b"deadline_s: 120", b"deadline_s: 60").replace(b"roles: [analyst]", b"roles: [analyst, responder]")
    source = source.replace(b"  service-triage:", b"  robot-triage:").replace(
        b"when { context.frozen }", b"when { true }"
    )
    planned = plan(writer.state, parse_program(source))
    assert plan_text(planned.document()) == (
        "~ principal ana\n"
        "    roles: ['analyst'] -> ['analyst', 'responder']\n"
        "~ path soc-triage\n"
        "    limits.deadline_s: 120 -> 60\n"
        "+ grant robot-triage\n"
        "- grant service-triage\n"
        "~ policies policies\n"
        "    text:\n"
        "      @@ -16,3 +16,3 @@\n"
        '       forbid (principal, action == Action::"call", resource is Path)\n'
        "      -when { context.frozen };\n"
        "      +when { true };\n"
        "       \n"
    )
    document = planned.document()
    assert document["waits_for"] == "northwind.example/witness"
    assert document["changes"][1] == {
        "action": "change",
        "noun": "path",
        "name": "soc-triage",
        "differences": [{"field": "limits.deadline_s", "before": 120, "after": 60}],
    }


def test_a_plan_of_what_is_in_force_says_so():
    assert plan_text(plan(in_force().state, parse_program(SOURCE)).document()) == "nothing to change\n"


def test_a_first_plan_adds_everything_and_changes_nothing_by_being_asked():
    writer = empty()
    planned = plan(writer.state, parse_program(SOURCE))
    assert {change.action.value for change in planned.changes} == {"add"}
    assert [change.noun for change in planned.changes][:3] == ["organization", "organization", "agreement"]
    assert writer.state.rows == {}


def test_a_request_whose_part_is_missing_is_damage():
    writer = in_force()
    with pytest.raises(SafeconductError) as caught:
        PROJECTIONS["access.program.requested/1"](empty().state, writer.entries[1])
    assert caught.value.code == "log-damaged"
