import pytest

from safeconduct.access.program import parse_program
from safeconduct.cli.demo.program import Parties, render
from safeconduct.kernel.errors import InvalidInputError
from support.programs import KEYS, NAMES, READER_KEYS, WITNESS

KEY_LINES = {f"{name}_key": KEYS[name].public.text for name in NAMES} | READER_KEYS
PARTIES = Parties(**KEY_LINES, witness_key=WITNESS.verifier.text, witness_url="http://127.0.0.1:9/")


def test_the_template_filled_in_is_a_program():
    program = parse_program(render(PARTIES))
    assert "http://127.0.0.1:9/" in program.agreement.witness.policy
    assert (program.paths[0].providers[0].upstream, program.paths[0].models) == ("local", ("smollm2-135m",))
    assert {person.key for person in program.principals} == {KEYS[name].public.text for name in NAMES[2:]} | {None}


def test_another_upstream_and_model_can_be_named():
    program = parse_program(render(PARTIES, upstream="mine", model="org/model:1b"))
    assert (program.paths[0].providers[0].upstream, program.paths[0].models) == ("mine", ("org/model:1b",))


@pytest.mark.parametrize("model", ['x"', "x\ny", "x, y", "x}", "x # y"])
def test_a_value_that_would_leave_its_place_is_refused(model):
    with pytest.raises(InvalidInputError, match="can't stand in a program file"):
        render(PARTIES, model=model)
