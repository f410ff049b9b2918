"""Rules are tried on what people closed before they are taken in: what they lose, what they add, rule by rule."""

import pytest

from safeconduct.kernel.instants import seconds
from support.operations_house import House
from support.sigma import rule
from support.telemetry import visit


def texts(**of):
    made = {
        name: rule({"s": {"cs-uri-stem|endswith": path}, "condition": "s"}, name, level="critical")
        for name, path in of.items()
    }
    return {"files": [{"name": f"{name}.yml", "text": text} for name, text in made.items()]}


def act(house, path, body, **named):
    house.writer.now += seconds(1)
    return house.post(path, body, **named)


def add(house, **of):
    return act(house, "rules/collections", texts(**of), name="own")


def tried(house, **of):
    return act(house, "rules/collections/try", texts(**of), name="own")


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    """A house in which a rule of its own found a visit, which somebody closed as an attack."""
    made = House(tmp_path_factory.mktemp("house"))
    lines = visit("/odd") + visit("/plain")
    assert act(made, "telemetry", lines.encode(), name="access.log")[0] == 200
    assert add(made, odd="/odd")[1]["recorded"], "where nobody closed anything there is nothing to try on"
    (incident,) = act(made, "detections", b"")[1]["opened"]
    closing = {"disposition": "true-positive", "reason": "it was"}
    assert act(made, f"incidents/{incident}/close", closing)[0] == 200
    return made, incident


def test_what_was_not_tried_is_not_taken_in(house):
    status, told = add(house[0], odd="/odd", plain="/plain")
    assert (status, told["code"]) == (403, "rules-untried")


def test_what_loses_a_true_positive_is_not_taken_in(house):
    made, incident = house
    status, told = tried(made, plain="/plain")
    assert (status, told["tried"]["lost"], told["tried"]["true_positives"]) == (200, [incident], 1)
    assert [(one["new"], one["gone"], one["title"]) for one in told["rules"]] == [
        (0, 1, "Rule odd"),
        (1, 0, "Rule plain"),
    ]
    assert told["cases"] == [{"incident": incident, "disposition": "true-positive", "before": True, "after": False}]
    assert add(made, plain="/plain")[1]["code"] == "rules-lose"
    assert add(made, odd="/odd", plain="/plain")[1]["code"] == "rules-untried", "others were tried"


def test_what_keeps_it_is_and_says_what_is_new(house):
    made, _ = house
    opened = made.get("incidents", all=True)[1]
    _, told = tried(made, odd="/odd", plain="/plain")
    assert (told["tried"]["lost"], told["alerts_after"]) == ([], 2)
    assert (told["days"], [one["title"] for one in told["rules"]]) == (1, ["Rule plain"])
    assert made.get("incidents", all=True)[1] == opened, "a trial opens nothing"
    assert add(made, odd="/odd", plain="/plain")[0] == 200
    edited = texts(odd="odd", plain="plain")
    _, told = act(made, "rules/collections/try", edited, name="own")
    assert (told["rules"], told["tried"]["new"]) == ([], 0), "rules that were only edited are the same rules"
    tried(made, odd="/odd")
    assert add(made, odd="/odd")[0] == 200


def test_who_may_not_add_may_not_try(house):
    assert act(house[0], "rules/collections/try", texts(odd="/odd"), name="own", by="ops")[0] == 403
    assert act(house[0], "rules/collections/try", texts(odd="/odd"), name="No Name")[0] == 400
