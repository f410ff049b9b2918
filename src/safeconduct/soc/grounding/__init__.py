"""The grounding checker: does a claim follow from the stored events it cites? Pure; no model takes part."""

from safeconduct.soc.grounding.checker import CHECKER_VERSION, check, check_all
from safeconduct.soc.grounding.model import (
    CheckedClaim,
    Context,
    Outcome,
    Search,
    Shown,
    TechniqueInfo,
    TechniqueTable,
    satisfies,
)

__all__ = [
    "CHECKER_VERSION",
    "CheckedClaim",
    "Context",
    "Outcome",
    "Search",
    "Shown",
    "TechniqueInfo",
    "TechniqueTable",
    "check",
    "check_all",
    "satisfies",
]
