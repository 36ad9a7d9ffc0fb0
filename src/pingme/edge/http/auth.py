"""``/auth``: accounts, login sessions and their tokens."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import Field, JsonValue
from starlette.requests import Request

from pingme.domain.errors import ErrorCode
from pingme.domain.usernames import (
    EMAIL_MAX,
    NICKNAME_MAX,
    PASSWORD_MAX,
    PASSWORD_MIN,
    USERNAME_MAX,
    USERNAME_MIN,
)
from pingme.edge.http.deps import Address, Services, WhoAsks
from pingme.edge.http.envelope import ApiModel, Envelope, errors, reply
from pingme.edge.http.views import DeviceList, DeviceView, Empty, LoginData, OwnUser, UserData

router = APIRouter(prefix="/auth", tags=["auth"])

INPUT_MAX = 1_024  # characters; the rules proper (and their texts) are in pingme.domain.usernames
TOKEN_MAX = 2_048
NEEDS_TOKEN = (ErrorCode.UNAUTHORIZED, ErrorCode.TOKEN_EXPIRED, ErrorCode.INVALID_TOKEN)

Text = Annotated[str, Field(max_length=INPUT_MAX)]
Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
DeviceId = Annotated[Id, Field(examples=["d06b1p0v4k8d2m6r0t5h3c7ns9g"])]


def characters(least: int, most: int) -> dict[str, JsonValue]:
    """Return the documented length of a text; what counts is the length of its normalised form."""
    return {"minLength": least, "maxLength": most}


NewPassword = Annotated[
    Text,
    Field(
        description="8 to 128 characters.",
        examples=["correct horse battery"],
        json_schema_extra=characters(PASSWORD_MIN, PASSWORD_MAX),
    ),
]


class RegisterBody(ApiModel):
    """A new account."""

    username: Text = Field(
        description="3 to 32 letters, digits, `_`, `.` or `-` of one script.",
        examples=["ada"],
        json_schema_extra=characters(USERNAME_MIN, USERNAME_MAX),
    )
    password: NewPassword
    email: Text = Field(
        "",
        description="Not verified.",
        examples=["ada@example.org"],
        json_schema_extra=characters(0, EMAIL_MAX),
    )
    nickname: Text = Field(
        "",
        description="At most 64 characters.",
        examples=["Ada"],
        json_schema_extra=characters(0, NICKNAME_MAX),
    )


class LoginBody(ApiModel):
    """Who comes in, and on which device."""

    username: Text = Field(examples=["ada"])
    password: Text = Field(examples=["correct horse battery"])
    device_id: DeviceId | None = Field(
        None, description="Of an earlier login on this device; made when absent."
    )
    device_name: Text = Field(
        "",
        description="For the list of devices, at most 64 characters.",
        examples=["Ada's phone"],
        json_schema_extra=characters(0, NICKNAME_MAX),
    )


class RefreshBody(ApiModel):
    """The refresh token of the last login or refresh."""

    refresh_token: Annotated[str, Field(max_length=TOKEN_MAX, examples=["q83vEjRWeJCrze8SNFZ4kAAAAAE.MAC"])]


class PasswordBody(ApiModel):
    """The password as it is and as it shall be."""

    old_password: Text = Field(examples=["correct horse battery"])
    new_password: NewPassword


@router.post(
    "/register",
    status_code=201,
    responses=errors(ErrorCode.FORBIDDEN, ErrorCode.USER_EXISTS, ErrorCode.TOO_MANY_REQUESTS),
)
async def register(
    request: Request, body: RegisterBody, services: Services, address: Address
) -> Envelope[UserData]:
    """Make an account."""
    user = await services.accounts.register(
        body.username, body.password, email=body.email, nickname=body.nickname, address=address
    )
    return reply(request, UserData(user=OwnUser.of(user)))


@router.post(
    "/login",
    responses=errors(ErrorCode.INVALID_CREDENTIALS, ErrorCode.FORBIDDEN, ErrorCode.TOO_MANY_REQUESTS),
)
async def login(
    request: Request, body: LoginBody, services: Services, address: Address
) -> Envelope[LoginData]:
    """Open a session. Unknown user and wrong password get the same answer."""
    session = await services.accounts.login(
        body.username,
        body.password,
        device_id=body.device_id,
        device_name=body.device_name,
        address=address,
    )
    return reply(request, LoginData.of(session))


@router.post("/refresh", responses=errors(ErrorCode.TOKEN_EXPIRED, ErrorCode.INVALID_TOKEN))
async def refresh(request: Request, body: RefreshBody, services: Services) -> Envelope[LoginData]:
    """Exchange a refresh token. The one before the current gives the same successor for 10 s; later, or an
    older one, ends the session.
    """
    return reply(request, LoginData.of(await services.accounts.refresh(body.refresh_token)))


@router.post("/logout", responses=errors(*NEEDS_TOKEN))
async def logout(request: Request, who: WhoAsks, services: Services) -> Envelope[Empty]:
    """End this session; its socket closes with 4450."""
    await services.accounts.logout(who)
    return reply(request, Empty())


@router.put(
    "/password",
    responses=errors(
        *NEEDS_TOKEN, ErrorCode.INVALID_CREDENTIALS, ErrorCode.CONFLICT, ErrorCode.TOO_MANY_REQUESTS
    ),
)
async def change_password(
    request: Request, body: PasswordBody, who: WhoAsks, services: Services, address: Address
) -> Envelope[Empty]:
    """Change the password. This session stays, all others end (4450)."""
    await services.accounts.change_password(who, body.old_password, body.new_password, address=address)
    return reply(request, Empty())


@router.get("/devices", responses=errors(*NEEDS_TOKEN))
async def devices(request: Request, who: WhoAsks, services: Services) -> Envelope[DeviceList]:
    """List one's own sessions, the newest login first."""
    found = await services.accounts.devices(who.user_id)
    items = [DeviceView.of(device, current=who.device_id) for device in found]
    return reply(request, DeviceList(items=items))


@router.delete("/devices/{device_id}", responses=errors(*NEEDS_TOKEN, ErrorCode.NOT_FOUND))
async def remove_device(
    request: Request, device_id: Annotated[DeviceId, Path()], who: WhoAsks, services: Services
) -> Envelope[Empty]:
    """End one of one's own sessions; its socket closes with 4450."""
    await services.accounts.remove_device(who.user_id, device_id)
    return reply(request, Empty())
