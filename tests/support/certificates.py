"""Authorities and certificates, made when a test needs them."""

import datetime as dt
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

DAY = dt.timedelta(days=1)
_PLAIN = serialization.NoEncryption()


def _pem(key):
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, _PLAIN)


class Authority:
    """A CA in a folder; `file` is its own certificate."""

    def __init__(self, folder, name="test authority"):
        self._folder, self._key = folder, ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        made = self._unsigned(self._name, self._key.public_key(), dt.timedelta(0)).add_extension(
            x509.BasicConstraints(ca=True, path_length=None), critical=True
        )
        self.file = self._write(f"{name}.ca", made.sign(self._key, hashes.SHA256()))

    def issue(self, name, *, age=dt.timedelta(0)):
        """Writes a certificate for this machine, valid from `age` and an hour ago for a day, and its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))])
        made = self._unsigned(subject, key.public_key(), age).add_extension(names, critical=False)
        file = self._folder / f"{name}.key"
        file.write_bytes(_pem(key))
        file.chmod(0o600)
        return self._write(name, made.sign(self._key, hashes.SHA256())), file

    def _unsigned(self, subject, public, age):
        begins = dt.datetime.now(dt.UTC) - age - dt.timedelta(hours=1)
        made = x509.CertificateBuilder().subject_name(subject).issuer_name(self._name).public_key(public)
        made = made.serial_number(x509.random_serial_number()).not_valid_before(begins).not_valid_after(begins + DAY)
        identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        return made.add_extension(identifier, critical=False).add_extension(
            x509.SubjectKeyIdentifier.from_public_key(public), critical=False
        )

    def _write(self, name, certificate):
        file = self._folder / f"{name}.pem"
        file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        return file
