"""What a directory can say here, as SCIM publishes it: few attributes, and nothing that is access.

Whatever else an identity provider sends - mail, telephone, department, roles, entitlements - is dropped as it is read
(RFC 7644 section 3.3): it stands in no log, and no attribute of ours can be assigned by naming it.
"""

from typing import Annotated, Any

from pydantic import Field
from scim2_models import (
    URN,
    AuthenticationScheme,
    Bulk,
    CaseExact,
    ChangePassword,
    ComplexAttribute,
    ETag,
    Filter,
    Mutability,
    Pagination,
    Patch,
    Reference,
    Required,
    Resource,
    ResourceType,
    ScimPolicy,
    ScimProvider,
    ServiceProviderConfig,
    Sort,
    Uniqueness,
)

from safeconduct.access.directory.model import name_key
from safeconduct.kernel.errors import InvalidInputError

PAGE_MAX = 200
"""Resources in one answer. Who wants more asks for the next page."""


class User(Resource[Any]):
    """A person in a directory."""

    __schema__ = URN("urn:ietf:params:scim:schemas:core:2.0:User")

    user_name: Annotated[str | None, Required.true, Uniqueness.server, CaseExact.false] = None
    display_name: str | None = None
    active: bool | None = None


class GroupMember(ComplexAttribute):
    """A user of the same directory."""

    value: Annotated[str | None, Mutability.immutable, CaseExact.true] = None
    ref: Annotated[Reference[User] | None, Mutability.immutable] = Field(
        None, serialization_alias="$ref", validation_alias="$ref"
    )
    type: Annotated[str | None, Mutability.immutable] = Field(None, examples=["User"])


class Group(Resource[Any]):
    """A group of them."""

    __schema__ = URN("urn:ietf:params:scim:schemas:core:2.0:Group")

    display_name: Annotated[str | None, Required.true] = None
    members: list[GroupMember] | None = None


def _comparable(binding: Any, value: str) -> str:  # noqa: ANN401 - the package's own type of it is not public
    """Returns the form in which two values are compared: names as people see them, ids as they are."""
    if binding.case_exact:
        return value
    try:
        return name_key(value)
    except InvalidInputError as error:
        raise ValueError(error.message) from error


POLICY = ScimPolicy(
    unknown=ScimPolicy.Unknown.ignore,
    remove_value_as_filter=ScimPolicy.RemoveValue.apply,
    unmatched_path_filter=ScimPolicy.UnmatchedPathFilter.create,
    comparison_key=_comparable,
)
"""Entra's and Okta's dialects: attributes that are not ours are dropped, `remove` may name what it removes."""

CONFIG = ServiceProviderConfig(
    patch=Patch(supported=True),
    bulk=Bulk(supported=False, max_operations=0, max_payload_size=0),
    filter=Filter(supported=True, max_results=PAGE_MAX),
    change_password=ChangePassword(supported=False),
    sort=Sort(supported=True),
    etag=ETag(supported=True),
    pagination=Pagination(cursor=False, index=True, default_page_size=PAGE_MAX, max_page_size=PAGE_MAX),
    authentication_schemes=[
        AuthenticationScheme(
            type=AuthenticationScheme.Type.oauthbearertoken,
            name="Directory credential",
            description="A bearer secret of one organization, from `safeconduct scim connect`",
        )
    ],
)
PROVIDER = ScimProvider(
    [User, Group],
    [ResourceType.from_resource(User), ResourceType.from_resource(Group)],
    CONFIG,
    POLICY,
)
