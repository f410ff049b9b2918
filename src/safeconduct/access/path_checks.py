"""What no single key can say of a path: that its providers are equal, its models its own, and all of it built.

docs/spec/paths.md has the rules; a program that breaks one can't be planned.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from safeconduct.access.catalogue import UNSTATED
from safeconduct.access.data_handling import ONE_WAY, DataHandling, unruled
from safeconduct.access.detection import FoundAct, FoundKind
from safeconduct.access.path_schema import (
    BUILT_DIALECTS,
    BUILT_MEDIA,
    BUILT_PROVIDER_TOOLS,
)
from safeconduct.access.reading import Key, Log
from safeconduct.kernel.listing import there_is

NOT_BUILT = "not-built-yet"

_BUILT: Mapping[str, Collection[object]] = {
    "dialects": BUILT_DIALECTS,
    "media": BUILT_MEDIA,
    "provider_tools": BUILT_PROVIDER_TOOLS,
}

Values = Mapping[str, Any]


def check_paths(values: Values, upstreams: Collection[str] | None, log: Log) -> None:
    """Notes what is wrong with ways to a model. `upstreams` are the configured ones; None where they are not known."""
    owners = _owners(values["models"], log)
    for name, path in values["paths"].items():
        _check_built(name, path, log)
        _check_providers(name, path, values["upstreams"], log)
        _check_models(name, path, values["models"], owners, log)
        _check_handling(name, path, log)
        _check_output(name, path, log)
        if upstreams is not None:
            _check_configured(name, path, upstreams, log)


def sealed_providers(path: Values, stated: Values) -> list[Values]:
    """Returns a path's providers in their order, each with what the program states of it."""
    unstated = {"vendor": UNSTATED, "region": UNSTATED, "retention": UNSTATED}
    return [stated.get(upstream, {"upstream": upstream} | unstated) for _, upstream in _providers("", path)]


def sealed_models(path: Values, catalogue: Values) -> list[Values]:
    """Returns a path's slice of the catalogue. A model without an entry is its own only version."""
    return [catalogue.get(model, {"name": model, "version": model}) for model in path["models"]]


def _providers(name: str, path: Values) -> list[tuple[Key, str]]:
    if path["providers"] is None:
        return [(("paths", name, "upstream"), path["upstream"])] if path["upstream"] else []
    return [(("paths", name, "providers", index), upstream) for index, upstream in enumerate(path["providers"])]


def _check_providers(name: str, path: Values, stated: Values, log: Log) -> None:
    if (path["upstream"] is None) == (path["providers"] is None):
        log.wrong_at(("paths", name), "expected upstream or providers, one of the two")
        return
    sealed = sealed_providers(path, stated)
    for (key, upstream), provider in zip(_providers(name, path), sealed, strict=True):
        for kind, allowed in (("region", path["regions"]), ("retention", path["retention"])):
            if allowed and provider[kind] not in allowed:
                text = f"path {name}: {upstream} has {kind} {provider[kind]}, the path allows {', '.join(allowed)}"
                log.wrong_at(key, text, "provider-outside-path")
            if len(sealed) > 1 and (provider[kind] == UNSTATED or provider[kind] != sealed[0][kind]):
                text = f"path {name}: failover is only among equals: {upstream} has {kind} {provider[kind]}"
                log.wrong_at(key, f"{text}, {sealed[0]['upstream']} has {sealed[0][kind]}", "failover-unequal")


def _check_configured(name: str, path: Values, upstreams: Collection[str], log: Log) -> None:
    for key, upstream in _providers(name, path):
        if upstream not in upstreams:
            told = there_is(sorted(upstreams), "configured")
            text = f"path {name}: no upstream {upstream!r} is configured; {told}"
            log.wrong_at(key, text, "upstream-unknown")


def _owners(models: Values, log: Log) -> dict[str, str]:
    """Returns which model each name, version and alias belongs to. A name of two would be a choice that nobody made."""
    owners: dict[str, str] = {name: name for name in models}
    for name, model in models.items():
        others = [
            ("version", model["version"], ()),
            *(("aliases", one, (i,)) for i, one in enumerate(model["aliases"])),
        ]
        for key, other, index in others:
            owner = owners.setdefault(other, name)
            if owner != name:
                log.wrong_at(
                    ("models", name, key, *index), f"{other!r} is what model {owner} is called", "alias-ambiguous"
                )
    return owners


def _check_models(name: str, path: Values, models: Values, owners: Mapping[str, str], log: Log) -> None:
    if path["weaker"] not in (None, *path["models"]):
        text = f"path {name}: {path['weaker']!r} is none of its models {', '.join(path['models'])}"
        log.wrong_at(("paths", name, "weaker"), text)
    for index, model in enumerate(path["models"]):
        key: Key = ("paths", name, "models", index)
        if model not in models and model in owners:
            log.wrong_at(key, f"path {name}: {model!r} is another name of model {owners[model]}: write that")
        elif model in models and models[model]["tier"] > path["tier"]:
            text = f"path {name}: {model} has tier {models[model]['tier']}, the path has tier {path['tier']}"
            log.wrong_at(key, text, "model-tier")


def _check_handling(name: str, path: Values, log: Log) -> None:
    missing = unruled(path["handling"], path["data_classes"])
    if missing:
        told = f"path {name} is inspected, and says nothing of data class {', '.join(missing)}: name its handling"
        log.wrong_at(("paths", name, "handling"), told, "handling-missing")
    if path["handling"] and path["media"]:
        told = f"path {name} is inspected, and nobody sees what {', '.join(path['media'])} hold: take no media there"
        log.wrong_at(("paths", name, "media"), told, "media-uninspected")
    for data_class in ONE_WAY & path["handling"].keys():
        if path["handling"][data_class] == DataHandling.PSEUDONYMIZE:
            told = f"path {name}: a {data_class} is never kept to be restored: redact, refuse or allow it"
            log.wrong_at(("paths", name, "handling", data_class), told)


def _check_built(name: str, path: Values, log: Log) -> None:
    for key, wanted, built in _wanted(name, path):
        if wanted not in built:
            told = f"{wanted!r} is not built yet; this release does {', '.join(map(str, built)) or 'none'}"
            log.wrong_at(key, f"path {name}: {key[2]} {told}", NOT_BUILT)


def _wanted(name: str, path: Values) -> Iterator[tuple[Key, object, Collection[object]]]:
    for many in ("dialects", "media", "provider_tools"):
        for wanted in path[many]:
            yield ("paths", name, many), wanted, _BUILT[many]


def _check_output(name: str, path: Values, log: Log) -> None:
    if path["output"] is not None and path["release"] == "pass":
        text = f"path {name}: an answer that is released as it comes is not inspected: expected release hold-window or"
        log.wrong_at(("paths", name, "output"), f"{text} hold-all", "output-not-held")
    elif path["release"] != "hold-all":
        for kind in FoundKind:
            if path["output"] is not None and path["output"][kind.value] == FoundAct.HOLD:
                text = f"path {name}: what went out can't be held for a person: expected release hold-all"
                log.wrong_at(("paths", name, "output", kind.value), text, "output-not-held")
