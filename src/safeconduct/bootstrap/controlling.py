"""The control API over an installation: all routes, and what they are given. It takes a second to load."""

from functools import partial
from importlib import metadata

import msgspec

from safeconduct import settings
from safeconduct.access.evaluating import AccessPoint
from safeconduct.access.reading_rights import Reader, reader_by
from safeconduct.access.records import program_in_force
from safeconduct.access.standing import Standing
from safeconduct.adapters.oidc import OpenIDProviders
from safeconduct.adapters.safety_secret import safety_secret
from safeconduct.bootstrap.calling import Serving, Settle, stopped
from safeconduct.bootstrap.cosigning import cosign_head
from safeconduct.bootstrap.custody import decision_keys
from safeconduct.bootstrap.directories import directories
from safeconduct.bootstrap.forms import FORMS
from safeconduct.bootstrap.installation import Installation
from safeconduct.bootstrap.listening import public_site
from safeconduct.bootstrap.log_keys import closing, next_key
from safeconduct.bootstrap.notifying import described
from safeconduct.bootstrap.observed import metrics_token
from safeconduct.bootstrap.routes import ROUTERS
from safeconduct.bootstrap.siems import siems_of
from safeconduct.boundary.canaries import canary_of
from safeconduct.gateway.probing import LoggedProbes
from safeconduct.http import pages
from safeconduct.http.asgi import App
from safeconduct.http.control.app import control_app
from safeconduct.http.control.context import Control
from safeconduct.http.vitals import Work
from safeconduct.kernel.errors import UnavailableError, UpstreamError
from safeconduct.kernel.ids import PathId, PrincipalId
from safeconduct.ledger.acts import SignedAct
from safeconduct.runtime.governed import Completed, GovernedCalls, NotCompleted
from safeconduct.runtime.in_force import InForce
from safeconduct.soc.questions.model import ModelAnswer

ONCE = "this-process"
"""Stands for the local secret where no socket listens: who opened the data itself may read."""


def control_of(installation: Installation, settle: Settle, serving: Serving | None, work: Work) -> App:
    """Returns the control API over an installation. Without `serving` it knows no upstreams, and asks no model."""
    app = control_app(
        ROUTERS,
        control=_control(installation, settle, serving, work),
        local_secret=serving.secret if serving else ONCE,
        check_reader=partial(_reader, installation),
        check_signer=partial(_check_signer, installation),
        version=metadata.version("safeconduct"),
        metrics_token=metrics_token(),
    )
    app.include_router(pages.router)
    return app


def _control(installation: Installation, settle: Settle, serving: Serving | None, work: Work) -> Control:
    def standing() -> Standing:
        return installation.board.current

    in_force = serving.calls.in_force if serving else InForce(standing)
    return Control(
        writer=installation.writer,
        snapshot=installation.snapshot,
        in_force=in_force,
        log=installation.log,
        keys=installation.keys,
        vault=installation.vault,
        logs=installation.logs,
        clock=installation.clock,
        entropy=installation.entropy,
        open_log=installation.open_log,
        stopped=lambda: stopped(installation),
        cosign_head=lambda origin: cosign_head(installation, origin),
        next_key=partial(next_key, installation),
        closing=partial(closing, installation),
        decision_keys=decision_keys(installation.data, installation.entropy),
        settle=settle,
        upstreams={name: upstream.facts for name, upstream in serving.upstreams.items()} if serving else None,
        archives=installation.archives,
        siems=siems_of(installation),
        identities=OpenIDProviders().claims,
        caller=lambda principal: _Caller(serving, principal),
        site=partial(public_site, settings.read().public_origin, serving.url if serving else ""),
        lists_url=serving.url if serving else None,
        shipping=serving.shipping if serving else list,
        channels=lambda: described(installation.data),
        forms=FORMS,
        probes=LoggedProbes(installation.log, installation.snapshot),
        decisions=AccessPoint(standing),
        directory=directories(installation),
        work=work,
        metrics=serving.metrics if serving else None,
        canary=partial(canary_of, safety_secret(installation.data, installation.entropy)),
    )


def _reader(installation: Installation, signed: SignedAct) -> Reader:
    with installation.snapshot() as records:
        return reader_by(records, signed, installation.clock.now())


def _check_signer(installation: Installation, signed: SignedAct) -> None:
    with installation.snapshot() as records:
        if program_in_force(records) is not None:  # the first program names who signs it
            reader_by(records, signed, installation.clock.now())


class _Caller:
    """`ModelCaller` of one principal through the gateway's entry in this process."""

    def __init__(self, serving: Serving | None, principal: PrincipalId) -> None:
        self._serving = serving
        self._principal = principal

    async def complete(self, path: PathId, purpose: str, body: bytes) -> ModelAnswer:
        if self._serving is None:
            raise UnavailableError(
                "a model is asked through a running server", code="no-server", remedy="safeconduct serve"
            )
        ended = await GovernedCalls(self._serving.calls).complete(self._principal, path, purpose, body)
        if isinstance(ended, NotCompleted):
            ended.error.call = ended.call
            raise ended.error
        return _answer_of(ended)


def _answer_of(ended: Completed) -> ModelAnswer:
    try:
        answer = msgspec.json.decode(ended.body, type=_Completion)
        return ModelAnswer(text=answer.choices[0].message.content or "", call=ended.call, model=answer.model)
    except (msgspec.MsgspecError, IndexError) as error:
        raise UpstreamError(
            "the model server's answer has no message in it", code="upstream-garbage", remedy="try another model"
        ) from error


class _Message(msgspec.Struct, frozen=True):
    content: str | None = None


class _Choice(msgspec.Struct, frozen=True):
    message: _Message


class _Completion(msgspec.Struct, frozen=True):
    model: str
    choices: list[_Choice]
