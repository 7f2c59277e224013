"""The login in a repository's address, and how it is passed to git.

Here: separating it from the address. Not here: running git (``git``).
"""

from __future__ import annotations

import base64
from urllib.parse import unquote


def without_login(url: str) -> tuple[str, str]:
    """An address without the user and password in it, and these as ``user:password``; '' where there are none.

    Only for ``http(s)://``: elsewhere the user is a part of the address.
    """
    scheme, separator, rest = url.partition("://")
    login, at, _ = rest.partition("/")[0].rpartition("@")
    if not separator or not at or scheme.lower() not in ("http", "https"):
        return url, ""
    return f"{scheme}://{rest[len(login) + 1 :]}", unquote(login)


def login_settings(url: str, login: str) -> list[tuple[str, str]]:
    """The git setting that sends the login to this server and no other. It is passed in the environment, because the
    arguments of git and of the programs it starts can be read by everybody on the machine.
    """
    if not login:
        return []
    scheme, _, rest = url.partition("://")
    user, _, password = login.partition(":")
    basic = base64.b64encode(f"{user}:{password}".encode()).decode()
    return [(f"http.{scheme}://{rest.partition('/')[0]}/.extraHeader", f"Authorization: Basic {basic}")]
