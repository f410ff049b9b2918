"""A house whose people closed incidents, on a path that lets nothing of them out raw."""

from dataclasses import replace

from safeconduct.kernel.instants import seconds
from safeconduct.soc.incidents.closing import CLOSED, IncidentClosed
from safeconduct.soc.incidents.events import INCIDENTS
from safeconduct.soc.owners import origin_of
from safeconduct.soc.predicates import Judgment
from support.operations_house import House
from support.programs import demo_program, in_force

HANDLING = b"""    data_classes: [text, account, host, internal-address, mail, secret, indicator]
    handling: {account: pseudonymize, host: pseudonymize, internal-address: pseudonymize, mail: pseudonymize,
      secret: redact, indicator: allow}
    restore: ["principal:triage-service"]
"""
OPEN = b"    data_classes: [telemetry, unlabeled]\n"


def protecting(source=None) -> bytes:
    """Returns a program whose path for triage pseudonymizes."""
    return (source or demo_program()).replace(OPEN, HANDLING)


def house_with_past(folder, dispositions, source=None, **given):
    """Returns a house in which the shipped recording's incident stands so often, each time closed as one of these."""
    house = House(folder, in_force(source or protecting(), **given))
    incident = house.detected()
    for number, disposition in enumerate(dispositions):
        copied(house, incident, f"{number:032x}", disposition)
    return house


def copied(house, incident, name, disposition, *, path=""):
    """Has the incident stand under another id, closed by ana, or by a model on a path."""
    record = house.writer.state.get(INCIDENTS, incident)
    house.writer.state.put(INCIDENTS, name, replace(record, id=name))
    house.writer.now += seconds(1)
    closed = IncidentClosed(incident=name, disposition=Judgment(disposition), by="ana", path=path)
    house.writer.run(lambda tx: tx.append(origin_of(tx), CLOSED.draft(closed, subject=name)))
