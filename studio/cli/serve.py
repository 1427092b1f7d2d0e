"""`studio serve [PATH]`: the terminal interface in a browser, for this machine only.

Whoever reaches the page is the user: they see the records and may start runs. So the server listens on the loopback address
alone, and asks for a secret that only the printed address holds: on a shared machine other people reach the loopback too,
and so does any page that is open in the user's own browser.
"""

from __future__ import annotations

import getpass
import os
import re
import secrets
import shlex
import socket
import sys
from typing import TYPE_CHECKING, Any

import click

from curation.errors import OutputError
from studio.cli.output import Output
from studio.exit_codes import ExitCode

if TYPE_CHECKING:
    from aiohttp import web

HOST = "127.0.0.1"
_COOKIE = "studio-{port}"
_FROM_ELSEWHERE = re.compile(r"<link\b[^>]*\bhref=[\"']?(?:https?:)?//[^>]*>", re.IGNORECASE)
"""A style sheet of another host: Textual's page has one, for a font; the browser's own monospaced font does as well."""


@click.command()
@click.argument("path", required=False, default="")
@click.option("--port", type=click.IntRange(1, 65535), default=8765, show_default=True, help="Where to listen.")
def serve(*, path: str, port: int) -> int:
    """Show the terminal interface in a browser on this machine, until Ctrl-C.

    Prints the address to open, with its secret, and the ssh command that brings it to another machine. Nothing off this
    machine can connect.
    """
    out = Output()
    _check_free(port)
    secret = secrets.token_urlsafe(24)
    command = shlex.join([sys.executable, "-P", "-m", "studio.tui.command", *([path] if path else [])])
    out.say("From another machine, first:")
    out.say(f"  ssh -N -L {port}:{HOST}:{port} {_user()}@{socket.gethostname()}")
    out.say("Open this address; keep it to yourself, it opens your data. Ctrl-C ends the server, not your runs.")
    out.data(f"http://{HOST}:{port}/?secret={secret}")
    sys.stdout.flush()
    _server(command, port, secret).serve()
    return int(ExitCode.OK)


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "USER"


def _check_free(port: int) -> None:
    """Raises OutputError where the port is taken."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise OutputError(
                f"Port {port} cannot be used: {os.strerror(error.errno or 0)}.", "Name another one with --port."
            ) from error


def _server(command: str, port: int, secret: str) -> Any:
    from textual_serve.server import Server

    class Guarded(Server):
        """Textual's server behind a secret, quiet, and without anything from elsewhere."""

        async def _make_app(self) -> web.Application:
            app: web.Application = await super()._make_app()
            app.middlewares.append(guard(port, secret))
            return app

        def initialize_logging(self) -> None:
            """Nothing on the terminal but the address."""

    return Guarded(command, host=HOST, port=port, title="studio", public_url=f"http://{HOST}:{port}")


def guard(port: int, secret: str) -> Any:
    """Lets through what names this server as its host, comes from its own page, and has the secret (then a cookie).

    The page asks for nothing from elsewhere: what Textual's page names there is taken out, and the policy forbids the rest.
    """
    from aiohttp import web

    here = f"{HOST}:{port}"
    cookie = _COOKIE.format(port=port)
    policy = f"default-src 'self' 'unsafe-inline' data: blob:; connect-src 'self' ws://{here}; frame-ancestors 'none'"

    @web.middleware
    async def guarded(request: web.Request, handler: Any) -> web.StreamResponse:
        origin = request.headers.get("Origin", f"http://{here}")
        given = request.query.get("secret") or request.cookies.get(cookie, "")
        known = secrets.compare_digest(given.encode(), secret.encode())
        if request.host != here or origin != f"http://{here}" or not known:
            raise web.HTTPForbidden(text="Open the address that 'studio serve' printed.")
        if "secret" in request.query and request.path == "/":
            answer: web.StreamResponse = web.HTTPFound("/")  # so that it does not stay in the line of the browser
            answer.set_cookie(cookie, secret, httponly=True, samesite="Strict")
            return answer
        answer = await handler(request)
        if isinstance(answer, web.Response) and answer.content_type == "text/html" and answer.text:
            answer.text = _FROM_ELSEWHERE.sub("", answer.text)
        if not answer.prepared:
            answer.headers["Content-Security-Policy"] = policy
            answer.headers["Referrer-Policy"] = "no-referrer"
        return answer

    return guarded
