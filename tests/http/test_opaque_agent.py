"""An agent whose model obeys every word it reads, and whose reading tool is opaque: real gateway, real executor."""

import pytest

from safeconduct.kernel.errors import SafeconductError
from support import opaque_turns
from support.executor_house import house
from support.opaque_turns import PAGE, READ, Model, brought, calls_of, handle, obedient, run
from support.tool_turns import DIALECTS

BOSS = "boss@corp.example"
MAIL = ("send_mail", {"to": BOSS, "body": PAGE})
TURNS = 3


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    with house(tmp_path_factory.mktemp("house"), program=opaque_turns.program()) as made:
        made.who = "ana"
        made.announce()
        yield made


def works(gateway, dialect, *, stream):
    """Lets an agent work for some turns; returns what it did, and what its model was shown."""
    results, effects, shown = [], [], ""

    def tool(**arguments):
        effects.append((name, arguments))
        return PAGE if name == READ[0] else "sent"

    with gateway.executor(gateway.session) as executor:
        for turn in range(TURNS):
            model = Model(dialect, obedient, stream=stream, number=turn)
            client, _ = run(gateway.world, model, *brought(dialect, *results), session=gateway.session)
            shown += model.shown
            for name, arguments in calls_of(client, dialect)[:1]:
                results.append(((name, arguments), executor.execute(name, arguments, tool)))
    return effects, shown


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("dialect", DIALECTS)
def test_it_does_what_its_user_asked_for_and_nothing_that_the_page_wants(gateway, dialect, stream):
    gateway.session = f"works-{dialect}-{stream}"
    effects, shown = works(gateway, dialect, stream=stream)
    assert effects == [READ, MAIL]  # the third turn has read what `send_mail` told: a person is asked about it
    assert "evil.test" not in shown


def test_a_decision_is_for_what_the_variable_stands_for_and_not_for_the_variable(gateway):
    gateway.session, tried = "bound", []
    with gateway.executor(gateway.session) as executor:
        for turn, results in enumerate(((), ((READ, PAGE),))):
            model = Model("openai.chat", obedient, number=turn)
            run(gateway.world, model, *brought("openai.chat", *results), session=gateway.session)
        for body in (handle(model.shown), f"{PAGE} ", PAGE):
            try:
                executor.execute("send_mail", {"to": BOSS, "body": body}, lambda **_: "sent")
                tried.append("")
            except SafeconductError as error:
                tried.append(error.code)
    assert tried == ["decision-unknown", "decision-unknown", ""]
