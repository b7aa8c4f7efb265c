"""The hooks of the SDKs, in real servers: what each can answer."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc6750 import InsufficientScopeError, InvalidTokenError
from authlib.oauth2.rfc7662 import IntrospectTokenValidator
from fastmcp import FastMCP
from fastmcp.server.auth.providers.introspection import IntrospectionTokenVerifier
from fastmcp.server.dependencies import get_access_token as fastmcp_access_token
from mcp.server import MCPServer
from mcp.server.auth.middleware.auth_context import get_access_token
from mcp.server.auth.settings import AuthSettings
from pydantic import AnyHttpUrl

from crossfade_verify import Accepted, Verifier
from crossfade_verify.asgi import App
from crossfade_verify.fastmcp import TokenVerifier as FastMCPTokenVerifier
from crossfade_verify.mcp import TokenVerifier
from daemon import SECRET, Daemon
from material import AUDIENCE, VERIFIER, token
from mcp_client import bearer, called, status_of
from serving import served
from waiting import until


@pytest.fixture
def verifier(daemon: Daemon) -> Iterator[Verifier]:
    with Verifier(daemon.feed(), AUDIENCE) as verifier:
        until("a view", lambda: isinstance(verifier.verify(daemon.token()), Accepted))
        yield verifier


def sdk_server(verifier: Verifier) -> App:
    audience = AnyHttpUrl(AUDIENCE)
    settings = AuthSettings(
        issuer_url=audience,
        resource_server_url=audience,
        required_scopes=["slack:search"],
        validate_token_resource=True,
    )
    server = MCPServer("test", token_verifier=TokenVerifier(verifier), auth=settings)

    @server.tool()
    def whoami() -> dict[str, object]:
        access = get_access_token()
        assert access is not None
        return access.model_dump()

    return server.streamable_http_app()


def fastmcp_server(verifier: Verifier) -> App:
    server = FastMCP("test", auth=FastMCPTokenVerifier(verifier, required_scopes=["slack:search"]))

    @server.tool
    def whoami() -> dict[str, object]:
        access = fastmcp_access_token()
        assert access is not None
        return access.model_dump()

    return server.http_app(path="/mcp")


@pytest.mark.parametrize("server", [sdk_server, fastmcp_server])
def test_a_hook_lets_in_refuses_and_when_unsure_answers_500(
    daemon: Daemon, verifier: Verifier, server: Callable[[Verifier], App]
) -> None:
    with served(server(verifier)) as port:
        url = f"http://127.0.0.1:{port}/mcp"
        old = daemon.token()
        daemon.run("rotate", SECRET, "--wait")
        new = daemon.token()
        for held, stage in ((old, "previous"), (new, "current")):
            began = time.time()
            verdict = verifier.verify_or_refresh(held)
            assert isinstance(verdict, Accepted)
            tools, access = called(url, bearer(held))
            assert tools == ["whoami"]
            assert access["token"] == verdict.grant.source.version, "not the bearer's text"
            assert access["client_id"] == access["subject"] == "slack-bot"
            assert access["resource"] == AUDIENCE
            assert access["scopes"] == ["slack:search"]
            assert access["claims"] == {"secret": SECRET, "version": verdict.grant.source.version, "stage": stage}
            left_s = verdict.grant.expires_in.total_seconds()
            assert began + left_s - 2 <= access["expires_at"] <= time.time() + left_s
            assert held not in repr(access)
        assert status_of(url, {}) == 401
        assert status_of(url, bearer(token("unknown"))) == 401
        daemon.end()
        until("unsure", lambda: status_of(url, bearer(token("unknown"))) == 500)
        assert status_of(url, bearer(new)) == 200


def test_authlib_introspects_a_token_as_it_is(daemon: Daemon) -> None:
    url = f"{daemon.url}/v1/introspect"
    session = OAuth2Session("slack-mcp-server", VERIFIER, token_endpoint_auth_method="client_secret_basic")

    class Validator(IntrospectTokenValidator):  # type: ignore[misc]
        def introspect_token(self, token_string: str) -> Any:
            answer = session.introspect_token(url, token=token_string, token_type_hint="access_token")
            answer.raise_for_status()
            return answer.json()

    def says(token: str, *scopes: str) -> Any:
        validator = Validator()
        told = validator.authenticate_token(token)
        validator.validate_token(told, list(scopes), None)
        return told

    with session:
        assert says(daemon.token(), "slack:search")["client_id"] == "slack-bot"
        with pytest.raises(InvalidTokenError):
            says(token("unknown"))
        with pytest.raises(InsufficientScopeError):
            says(daemon.token(), "slack:write")


def test_fastmcps_own_introspection_works_as_it_is_and_when_unsure_answers_401(daemon: Daemon) -> None:
    introspection = IntrospectionTokenVerifier(
        introspection_url=f"{daemon.url}/v1/introspect",
        client_id="slack-mcp-server",
        client_secret=VERIFIER,
        required_scopes=["slack:search"],
        audience=AUDIENCE,
    )
    server = FastMCP("test", auth=introspection)

    @server.tool
    def whoami() -> dict[str, object]:
        access = fastmcp_access_token()
        assert access is not None
        return {"client_id": access.client_id, "stage": access.claims["stage"], "expires": access.expires_at}

    with served(server.http_app(path="/mcp")) as port:
        url = f"http://127.0.0.1:{port}/mcp"
        old = daemon.token()
        daemon.run("rotate", SECRET, "--wait")
        new = daemon.token()
        for held, stage in ((old, "previous"), (new, "current")):
            tools, said = called(url, bearer(held))
            assert tools == ["whoami"]
            assert (said["client_id"], said["stage"]) == ("slack-bot", stage)
            assert said["expires"] > 0
        assert status_of(url, bearer(token("unknown"))) == 401
        daemon.end()
        assert status_of(url, bearer(new)) == 401, "it has no other word: say so in the docs"
