"""All routes of access, for whoever puts the control API together."""

from fastapi import APIRouter

from safeconduct.http.control import freezes, programs, standing, tokens

router = APIRouter()
for _part in (programs, standing, tokens, freezes):
    router.include_router(_part.router)
