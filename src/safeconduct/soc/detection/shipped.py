"""The rules that ship with the package."""

from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

from safeconduct.access.model_assets import ModelAsset
from safeconduct.soc.detection.model import RuleSet

HONEYTOKENS = "honeytokens"
"""The placeholder that stands for the places of all bait. The others are kinds of model asset, such as `weights`."""

Register = tuple[ModelAsset, ...]


def shipped_files() -> list[tuple[str, str]]:
    """Returns name and text of each rule file, by name."""
    return _texts(files("safeconduct.soc.rules"))


def asset_files() -> list[tuple[str, str]]:
    """Returns name and text of each file of rules on model assets, whose placeholders the register fills."""
    return _texts(files("safeconduct.soc.rules").joinpath("model_assets"))


def _texts(folder: Traversable) -> list[tuple[str, str]]:
    found = sorted((item for item in folder.iterdir() if item.name.endswith(".yml")), key=lambda item: item.name)
    return [(item.name, item.read_text(encoding="utf-8")) for item in found]


@cache
def shipped_rules() -> RuleSet:
    """Returns the shipped rules, read once."""
    from safeconduct.soc.detection.parsing import load  # noqa: PLC0415 - 6 MB; most read no rule

    return load(shipped_files())


def places(register: Iterable[ModelAsset]) -> dict[str, list[str]]:
    """Returns what stands for each placeholder: the places of each kind of asset, and those of all bait."""
    found: dict[str, list[str]] = {}
    for asset in register:
        names = (asset.kind.replace("-", "_"), *((HONEYTOKENS,) if asset.honeytoken else ()))
        for name in names:
            found.setdefault(name, []).extend(asset.places)
    return found
