"""Compiled policies and schemas: parsed once, immutable, named by the digest of what they were made from.

Parsing costs thousands of times what a decision does, so nothing is parsed when a decision is asked for.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import cedarpy
from cedarpy import pst

from safeconduct.kernel.canonical import digest
from safeconduct.kernel.errors import InvalidInputError
from safeconduct.policy.model import EntityUid
from safeconduct.policy.source import PolicyInvalidError, Statement, statements
from safeconduct.policy.views import Views, views


@dataclass(frozen=True, slots=True)
class Schema:
    """The entity types, attributes and context that policies may speak of."""

    text: str
    digest: str
    handle: cedarpy.Schema = field(repr=False, compare=False)

    @classmethod
    def compile(cls, text: str) -> "Schema":
        """Parses Cedar schema syntax.

        Raises:
            InvalidInputError: it is none.
        """
        try:
            handle = cedarpy.Schema.from_str(text)
        except ValueError as error:
            raise InvalidInputError(f"the schema is not valid: {error}", code="schema-invalid") from error
        return cls(text, digest(text), handle)


@dataclass(frozen=True, slots=True)
class PolicySet:
    """Cedar policies, each with a unique `@id`. An empty set permits nothing.

    `mentions` are the entities that policies name outright, each with the line of a policy that does; `views` is how
    they look at a request's context.
    """

    text: str
    digest: str
    ids: tuple[str, ...]
    mentions: Mapping[EntityUid, int] = field(repr=False)
    views: Views = field(repr=False, compare=False)
    handle: cedarpy.PolicySet = field(repr=False, compare=False)

    @classmethod
    def compile(cls, text: str, schema: Schema | None = None) -> "PolicySet":
        """Parses policies, and validates them where a schema is given.

        Raises:
            PolicyInvalidError: a policy does not parse, has no `@id` or another's, is a template (which permits
                nothing until linked), or speaks of what the schema does not know. It names the policy's line.
            TooLargeError: over a limit of `source`.
        """
        found = statements(text)
        ids: list[str] = []
        policies: list[pst.Template] = []
        mentions: dict[EntityUid, int] = {}
        for statement in found:
            policy = parse_statement(statement)
            policy_id = _id_of(policy, statement)
            if policy_id in ids:
                raise _invalid(statement, f"there is a policy with @id({policy_id!r}) already")
            if schema is not None:
                _validate(statement, policy_id, schema)
            ids.append(policy_id)
            policies.append(policy)
            mentions |= {_uid(found): statement.line for found in pst.entity_uids(policy)}
        # The engine numbers policies in the order of the text, so that `policyN` is the Nth id.
        handle = cedarpy.PolicySet.from_str("\n".join(statement.text for statement in found))
        return cls(text, digest(text), tuple(ids), mentions, views(policies), handle)

    def texts(self) -> Mapping[str, str]:
        """Returns the text of each policy by its id."""
        return dict(zip(self.ids, (statement.text for statement in statements(self.text)), strict=True))


def parse_statement(statement: Statement) -> pst.Template:
    """Returns the syntax tree of one policy.

    Raises:
        PolicyInvalidError: it does not parse, or is a template.
    """
    try:
        parsed = cedarpy.PolicySet.from_str(statement.text).to_pst()
    except UnicodeEncodeError as error:
        raise _invalid(statement, "the text holds a lone surrogate") from error
    except ValueError as error:
        raise _invalid(statement, f"the policy that begins here does not parse: {error}") from error
    if parsed.templates:
        remedy = "write the condition over a grant entity instead"
        raise _invalid(statement, "templates (?principal, ?resource) are not taken", remedy)
    return next(iter(parsed.static_policies.values()))


def _invalid(statement: Statement, said: str, remedy: str = "") -> PolicyInvalidError:
    return PolicyInvalidError(said, line=statement.line, place=statement.place_of(said), remedy=remedy)


def _id_of(policy: pst.Template, statement: Statement) -> str:
    policy_id = policy.annotations.get("id")
    if not policy_id:
        raise _invalid(statement, 'the policy that begins here has no @id("...")')
    return policy_id


def _uid(found: pst.EntityUid) -> EntityUid:
    return EntityUid("::".join((*found.type.namespace, found.type.basename)), found.id)


def _validate(statement: Statement, policy_id: str, schema: Schema) -> None:
    problems = cedarpy.validate_policies(statement.text, schema.handle).errors
    if problems:
        told = problems[0].error.replace("`policy0`", f"`{policy_id}`")
        raise _invalid(statement, f"policy {policy_id} does not fit the schema: {told}")
