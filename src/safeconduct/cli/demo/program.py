"""The demo's program file, filled in."""

import textwrap
from dataclasses import dataclass, fields
from importlib.resources import files
from string import Template

from safeconduct.access.authorization import default_policies
from safeconduct.kernel.errors import InvalidInputError


@dataclass(frozen=True, slots=True, kw_only=True)
class Parties:
    """What the template leaves open: public keys in their text forms, and where the partner's witness listens."""

    meridian_key: str
    meridian_reader_key: str
    northwind_key: str
    ana_key: str
    bo_key: str
    ops_key: str
    witness_key: str
    witness_url: str


def render(parties: Parties, *, upstream: str = "local", model: str = "smollm2-135m") -> bytes:
    """Returns the program file of the demo, with the default policies, ready to plan and apply.

    Raises:
        InvalidInputError: a value could end its place in the file.
    """
    values = {field.name: str(getattr(parties, field.name)) for field in fields(parties)}
    values |= {"upstream": upstream, "model": model}
    for name, value in values.items():
        if not value.isprintable() or set(value) & set('"\\,[]{}#'):
            raise InvalidInputError(f"{name} {value!r} can't stand in a program file")
    template = Template(files("safeconduct.cli.demo").joinpath("program.yaml").read_text("utf-8"))
    return template.substitute(values, policies=textwrap.indent(default_policies(), "  ")).encode()
