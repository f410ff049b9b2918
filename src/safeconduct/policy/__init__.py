"""Cedar policies: compile once, decide purely, deny on any doubt."""

from safeconduct.policy.decide import DecisionMemo, decide, reached
from safeconduct.policy.entities import Entities, Part
from safeconduct.policy.model import EntityRecord, EntityUid, Extension, PolicyRequest, Value
from safeconduct.policy.sets import PolicySet, Schema
from safeconduct.policy.source import PolicyInvalidError

__all__ = [
    "DecisionMemo",
    "Entities",
    "EntityRecord",
    "EntityUid",
    "Extension",
    "Part",
    "PolicyInvalidError",
    "PolicyRequest",
    "PolicySet",
    "Schema",
    "Value",
    "decide",
    "reached",
]
