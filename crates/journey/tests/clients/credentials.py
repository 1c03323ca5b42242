"""How the python clients get their token across: as they do by themselves over TLS, and by a plain policy else.

The clients' own policy refuses to send a token over plain HTTP, which is right anywhere but on loopback.
"""

import time

from azure.core.credentials import AccessToken
from azure.core.pipeline.policies import SansIOHTTPPolicy


class Token:
    """A credential that has its token already."""

    def __init__(self, token):
        self.token = token

    def get_token(self, *_scopes, **_options):
        return AccessToken(self.token, int(time.time()) + 3600)


class AsyncToken(Token):
    """The same for an asynchronous client."""

    async def get_token(self, *_scopes, **_options):
        return AccessToken(self.token, int(time.time()) + 3600)

    async def close(self):
        """Nothing is held."""


class PlainBearer(SansIOHTTPPolicy):
    """Sends the token over plain HTTP too."""

    def __init__(self, token):
        self.header = f"Bearer {token}"

    def on_request(self, request):
        request.http_request.headers["Authorization"] = self.header


def options(task, token=None):
    """What a client is made with besides its credential: its own policy over TLS, ours over plain HTTP."""
    settings = {"base_url": task.base, "retry_total": 3}
    if task.base.startswith("http://"):
        settings["authentication_policy"] = PlainBearer(token or task.token)
    return settings
