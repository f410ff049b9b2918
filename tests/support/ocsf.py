"""The published OCSF schema as the judge of our events: classes, profiles, enumerations, nothing undeclared."""

from functools import cache

from jsonschema import Draft202012Validator
from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema

from safeconduct.ledger.ocsf import OCSF_VERSION

WINDOWS = 200_000
"""Classes of the extension for Windows are numbered from here; the schema names them apart."""


@cache
def _schema():
    return OcsfJsonSchemaEmbedded(get_ocsf_schema(version=OCSF_VERSION))


@cache
def _validator(class_uid, profiles):
    name = _schema().lookup_class_name_from_uid(class_uid)
    if class_uid > WINDOWS:
        name = f"win/{name}"
    return Draft202012Validator(_schema().get_class_schema(class_name=name, profiles=list(profiles)))


def faults(event):
    """Returns what the schema has against an event, each with its place."""
    profiles = tuple(event["metadata"].get("profiles", ()))
    found = [
        f"{error.json_path}: {error.message}"[:300]
        for error in _validator(event["class_uid"], profiles).iter_errors(event)
    ]
    if event["type_uid"] != event["class_uid"] * 100 + event["activity_id"]:
        found.append("type_uid is not class and activity")
    if event["activity_id"] == 99 and not event.get("activity_name") and event["class_uid"]:
        found.append("activity 99 needs a name of its own")
    return found
