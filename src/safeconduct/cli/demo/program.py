"""The demo's program file, filled in."""

import textwrap
from dataclasses import asdict, dataclass, fields
from importlib.resources import files
from string import Template

from safeconduct.access.authorization import default_policies
from safeconduct.kernel.errors import InvalidInputError

_WITNESS = Template('witness: {name: northwind.example/witness, key: "${witness_key}", url: "${witness_url}"}')
_NO_WITNESS = Template(
    "# What the partner's `safeconduct log witness` prints, then sign again; without it nothing can be applied:\n"
    "  # witness: {name: northwind.example/witness, key: KEY, url: URL}"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parties:
    """What the template leaves open: public keys in their text forms, and where the partner's witness listens.

    Without a witness the program can be planned and signed, and not applied.
    """

    meridian_key: str
    meridian_reader_key: str
    northwind_key: str
    ana_key: str
    bo_key: str
    ops_key: str
    witness_key: str = ""
    witness_url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """Whose program it is, and from when to when it holds."""

    title: str = "The demo's program"
    origin: str = "safeconduct.example/demo"
    opens: str = "2026-01-01T00:00:00Z"
    closes: str = "2027-12-31T00:00:00Z"


def render(
    parties: Parties, *, upstream: str = "local", model: str = "smollm2-135m", setting: Setting | None = None
) -> bytes:
    """Returns the program file of the demo, or one to begin with, with the default policies, ready to be signed.

    Raises:
        InvalidInputError: a value could end its place in the file.
    """
    values = {field.name: str(getattr(parties, field.name)) for field in fields(parties)}
    values |= asdict(setting or Setting()) | {"upstream": upstream, "model": model}
    for name, value in values.items():
        if not value.isprintable() or set(value) & set('"\\,[]{}#'):
            raise InvalidInputError(f"{name} {value!r} can't stand in a program file")
    template = Template(files("safeconduct.cli.demo").joinpath("program.yaml").read_text("utf-8"))
    values["witness"] = (_WITNESS if parties.witness_key else _NO_WITNESS).substitute(values)
    return template.substitute(values, policies=textwrap.indent(default_policies(), "  ")).encode()
