"""Joins the file of SIEMs to what asks and tells them."""

from safeconduct import settings
from safeconduct.adapters.siem.asking.file import FILE, SiemsFile
from safeconduct.bootstrap.installation import Installation
from safeconduct.runtime.siem_telling import SiemTeller


def siems_of(installation: Installation) -> SiemsFile:
    """Returns the SIEMs that the data folder's file joins."""
    return SiemsFile(installation.data / FILE, settings.read().secret_at)


def siem_teller(installation: Installation) -> SiemTeller:
    """Returns what tells SIEMs of their alerts."""
    siems = siems_of(installation)
    return SiemTeller(
        installation.writer, installation.snapshot, installation.clock, lambda name: siems.of(name).make()
    )
