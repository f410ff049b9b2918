"""What answers identity providers, where the extra `scim` is installed."""

from functools import cache

from safeconduct.access.directory.ports import AnswerDirectory, DirectoryAnswer, DirectoryRequest
from safeconduct.bootstrap.installation import Installation
from safeconduct.kernel.errors import UnavailableError


def directories(installation: Installation) -> AnswerDirectory:
    """Returns what answers for an installation. Its packages are loaded with the first request: few have one."""

    @cache
    def made() -> AnswerDirectory:
        return _made(installation)

    def answer(asked: DirectoryRequest) -> DirectoryAnswer:
        return made()(asked)

    return answer


def _made(installation: Installation) -> AnswerDirectory:
    try:
        from safeconduct.adapters.scim.serving import ScimDirectories  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise UnavailableError(
            "directories are pushed by SCIM, whose packages are not installed",
            code="extra-missing",
            remedy="pip install 'safeconduct[scim]'",
        ) from error
    return ScimDirectories(
        writer=installation.writer,
        snapshot=installation.snapshot,
        log=installation.log,
        clock=installation.clock,
    ).answer
