"""What the routers reach: the use cases, put here by whoever builds the application."""

from __future__ import annotations

from dataclasses import dataclass

from pingme.services.accounts import Accounts


@dataclass(slots=True)
class HttpServices:
    """The services behind the API, at ``request.app.state.pingme``. One field per noun."""

    accounts: Accounts
