"""Signatures by passkeys: what an authenticator signs for a page, verified with the passkey's public key alone.

Web Authentication level 3: sections 5.8.1 (client data), 6.1 (authenticator data), 7.1 and 7.2 (how a registration and
an assertion are verified). A passkey signs with ES256, EdDSA or RS256.
"""

from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

import msgspec

from safeconduct.kernel.errors import InvalidInputError, UnauthenticatedError

_COUNT = slice(33, 37)  # behind the hash of the RP id and the flags; section 6.1


@dataclass(frozen=True, slots=True)
class Site:
    """Where passkeys are used: the origin as browsers name it, such as `https://safeconduct.example`."""

    origin: str

    @property
    def rp_id(self) -> str:
        """The host, which a passkey is bound to."""
        return urlsplit(self.origin).hostname or ""

    @classmethod
    def parse(cls, origin: str) -> "Site":
        """Reads an origin.

        Raises:
            InvalidInputError: `origin-unusable`: browsers offer no passkeys there.
        """
        parts = urlsplit(origin)
        host = parts.hostname or ""
        secure = parts.scheme == "https" or (parts.scheme == "http" and host == "localhost")
        if not secure or not host or _is_address(host) or origin != f"{parts.scheme}://{parts.netloc}" or "@" in origin:
            raise InvalidInputError(
                "expected an origin such as https://safeconduct.example: browsers offer passkeys over https or on "
                f"localhost only, and never on a bare IP address; got {origin[:200]!r}",
                code="origin-unusable",
                remedy="set SAFECONDUCT_PUBLIC_ORIGIN to the name that browsers reach this server by",
            )
        return cls(origin)


@dataclass(frozen=True, slots=True, kw_only=True)
class PasskeyKey:
    """A passkey's public half and where alone it is used. `public` is a COSE key, `credential` its id in base64url.

    `count` is the last signature counter that is known of it; 0 for one that does not count.
    """

    credential: str
    public: bytes
    site: Site
    count: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Assertion:
    """What a browser brought from an authenticator, as it came. Holding one proves nothing until `verify` returned."""

    credential: str
    authenticator_data: bytes
    client_data: bytes
    signature: bytes

    @property
    def count(self) -> int:
        """The signature counter that the authenticator states."""
        return int.from_bytes(self.authenticator_data[_COUNT], "big")

    def verify(self, challenge: bytes, key: PasskeyKey) -> None:
        """Returns if this passkey signed exactly this challenge, on its own site, its holder present and verified.

        Raises:
            UnauthenticatedError: `passkey-invalid`; `passkey-cloned`: its counter did not go on.
        """
        from webauthn import verify_authentication_response  # noqa: PLC0415 - 0.2 s, which few processes need
        from webauthn.helpers import base64url_to_bytes, exceptions, structs  # noqa: PLC0415 - as above

        try:
            _refuse_framed(self.client_data)
            response = structs.AuthenticatorAssertionResponse(self.client_data, self.authenticator_data, self.signature)
            verify_authentication_response(
                credential=structs.AuthenticationCredential(
                    self.credential, base64url_to_bytes(key.credential), response
                ),
                expected_challenge=challenge,
                expected_rp_id=key.site.rp_id,
                expected_origin=key.site.origin,
                credential_public_key=key.public,
                credential_current_sign_count=0,  # judged below, by a code of its own
                require_user_verification=True,
            )
        except (exceptions.WebAuthnException, ValueError, RecursionError) as error:
            raise _invalid(error) from error
        if (self.count or key.count) and self.count <= key.count:
            raise UnauthenticatedError(
                f"the passkey counts {self.count} signatures where {key.count} are on record: there are two of it",
                code="passkey-cloned",
                remedy="revoke this passkey and register another: safeconduct passkey revoke ID",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """What a browser brought of a new passkey, as it came."""

    client_data: bytes
    attestation: bytes

    def verify(self, challenge: bytes, site: Site) -> "Registered":
        """Returns the new passkey, if it was made for this challenge on this site, its holder present and verified.

        Who made the authenticator is not asked: an attestation that tells it is not needed, and not believed.

        Raises:
            UnauthenticatedError: `passkey-invalid`.
        """
        from webauthn import verify_registration_response  # noqa: PLC0415 - as in `Assertion.verify`
        from webauthn.helpers import bytes_to_base64url, exceptions, parse_attestation_object, structs  # noqa: PLC0415

        try:
            _refuse_framed(self.client_data)
            data = parse_attestation_object(self.attestation).auth_data.attested_credential_data
            named = data.credential_id if data else b""
            response = structs.AuthenticatorAttestationResponse(self.client_data, self.attestation)
            found = verify_registration_response(
                credential=structs.RegistrationCredential(bytes_to_base64url(named), named, response),
                expected_challenge=challenge,
                expected_rp_id=site.rp_id,
                expected_origin=site.origin,
                require_user_verification=True,
            )
        except (exceptions.WebAuthnException, ValueError, KeyError, TypeError, RecursionError) as error:
            raise _invalid(error) from error
        key = PasskeyKey(
            credential=bytes_to_base64url(named), public=found.credential_public_key, site=site, count=found.sign_count
        )
        return Registered(key=key, authenticator=found.aaguid, synced=found.credential_backed_up)


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """A new passkey. `authenticator` is the AAGUID it states, unproven; `synced`: it is copied between devices."""

    key: PasskeyKey
    authenticator: str
    synced: bool


class _Framing(msgspec.Struct, frozen=True, rename="camel"):
    cross_origin: bool = False
    top_origin: str = ""


def _refuse_framed(client_data: bytes) -> None:
    """Refuses what was signed in a frame of another site's page, which may cover what is shown. Section 5.8.1."""
    framing = msgspec.json.decode(client_data, type=_Framing)
    if framing.cross_origin or framing.top_origin:
        raise ValueError("it was signed inside a page of another site")


def _invalid(error: Exception) -> UnauthenticatedError:
    return UnauthenticatedError(
        f"this is no passkey's signature over exactly this: {error}",
        code="passkey-invalid",
        remedy="open the page again and sign there, with the passkey that is registered for you",
    )


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
