"""How accounts and sessions look from outside."""

from __future__ import annotations

from pydantic import BaseModel, Field

from pingme.ports.accounts import Device, User
from pingme.services.sessions import LoggedIn

EXAMPLE_USER = "u06b1p0v4k8d2m6r0t5h3c7ns9g"


class PublicUser(BaseModel):
    """A user as others see them."""

    user_id: str = Field(examples=[EXAMPLE_USER])
    username: str = Field(examples=["ada"])
    nickname: str = Field(description="The username where the user has none.", examples=["Ada"])
    avatar: str = Field(description="Address of a picture, or empty.")

    @classmethod
    def of(cls, user: User) -> PublicUser:
        """Show an account to anybody who is logged in."""
        return cls(
            user_id=user.user_id,
            username=user.username,
            nickname=user.nickname or user.username,
            avatar=user.avatar,
        )


class OwnUser(PublicUser):
    """A user as they see themselves."""

    email: str
    created_ts: int = Field(description="Unix milliseconds.")

    @classmethod
    def of(cls, user: User) -> OwnUser:
        """Show an account to its owner."""
        public = PublicUser.of(user)
        return cls(**public.model_dump(), email=user.email, created_ts=user.created_ts)


class UserData(BaseModel):
    """One's own account."""

    user: OwnUser


class PublicUserData(BaseModel):
    """Somebody's account."""

    user: PublicUser


class UserList(BaseModel):
    """A page of users; without ``next_cursor`` it is the last one."""

    items: list[PublicUser]
    next_cursor: str | None = None


class LoginData(BaseModel):
    """Tokens of a session."""

    token: str = Field(description="Access token, for Authorization: Bearer and the `auth` frame.")
    expires_in: int = Field(description="Seconds for which `token` is good.")
    refresh_token: str = Field(description="Good for one exchange; the answer brings the next one.")
    device_id: str = Field(description="Send it with the next login on this device.")
    user: OwnUser

    @classmethod
    def of(cls, session: LoggedIn) -> LoginData:
        """Show the answer to a login or refresh."""
        return cls(
            token=session.token,
            expires_in=session.expires_in_s,
            refresh_token=session.refresh_token,
            device_id=session.device_id,
            user=OwnUser.of(session.user),
        )


class DeviceView(BaseModel):
    """A login session."""

    device_id: str
    name: str
    created_ts: int = Field(description="When it logged in, Unix milliseconds.")
    refreshed_ts: int = Field(description="When it last refreshed its tokens, Unix milliseconds.")
    expires_ts: int = Field(description="When it ends without a refresh, Unix milliseconds.")
    current: bool = Field(description="True for the one that asks.")

    @classmethod
    def of(cls, device: Device, *, current: str) -> DeviceView:
        """Show a session to its owner, who asks on the device ``current``."""
        return cls(
            device_id=device.device_id,
            name=device.name,
            created_ts=device.created_ts,
            refreshed_ts=device.rotated_ts,
            expires_ts=device.expires_ts,
            current=device.device_id == current,
        )


class DeviceList(BaseModel):
    """One's own sessions, the newest login first."""

    items: list[DeviceView]


class Empty(BaseModel):
    """Nothing to say but that it was done."""
