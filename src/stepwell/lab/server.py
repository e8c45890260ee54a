"""The lab over HTTP: three files, one WebSocket, and a guard in front of both."""

import secrets
import socket
import sys
import threading
import webbrowser
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from http.cookies import SimpleCookie
from importlib.metadata import version
from typing import Any
from urllib.parse import parse_qs, urlsplit

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import RedirectResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from stepwell.lab import bundle, wire
from stepwell.lab.page import Page
from stepwell.lab.session import LIMITS, Session

LOOPBACK = ("127.0.0.1", "localhost", "::1")
COOKIE = "stepwell_lab"
HEADERS = {
    "content-security-policy": "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'; "
    "base-uri 'none'; form-action 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-cache",
}


class Guard:
    """Refuses foreign hosts, foreign origins and visitors without the token, and puts headers on every
    answer.

    A name that an attacker points at this machine (DNS rebinding) shows in `Host`, and a foreign page in
    `Origin`.
    """

    def __init__(self, app: ASGIApp, hosts: frozenset[str], token: str | None):
        self.app, self.hosts, self.token = app, hosts, token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        status = self._refusal(scope)
        if status is None:
            await self.app(scope, receive, _with_headers(send))
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008, "reason": ""})
        else:
            await Response("refused", status)(scope, receive, _with_headers(send))

    def _refusal(self, scope: Scope) -> int | None:
        """The status of a refusal, or None."""
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        host = headers.get("host", "")
        if _name(host) not in self.hosts:
            return 400
        if scope["type"] == "websocket" and headers.get("origin", f"http://{host}") not in (
            f"http://{host}",
            f"https://{host}",
        ):
            return 403
        return None if self.token is None or self._known(scope, headers) else 403

    def _known(self, scope: Scope, headers: Mapping[str, str]) -> bool:
        assert self.token is not None
        cookie = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
        query = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[0]
        given = query if scope["path"] == "/" and query else (cookie.value if cookie else "")
        return secrets.compare_digest(given.encode(), self.token.encode())


def application(
    pages: tuple[Page, ...], hosts: frozenset[str] = frozenset(LOOPBACK), token: str | None = None
) -> Starlette:
    """The lab as an ASGI application.

    Args:
        pages: what it shows.
        hosts: names under which it may be asked for.
        token: what a visitor must know, or None.
    """
    visitors: set[Session] = set()
    pool = ThreadPoolExecutor(2, "lab", initializer=_prepare)
    transports = "[new SocketTransport(), new TrainerTransport()]"
    start = f"\nstart(document.body, {bundle.contents(pages)}, {transports});\n"
    files = {
        "/lab.css": ("text/css", bundle.style()),
        "/lab.js": ("text/javascript", bundle.script() + start),
    }

    async def index(request: Any) -> Response:
        if token is not None and "token" in request.query_params:
            answer = RedirectResponse("/", 303)
            answer.set_cookie(COOKIE, token, httponly=True, samesite="strict")
            return answer
        return Response(bundle.source("index.html"), media_type="text/html")

    async def file(request: Any) -> Response:
        kind, text = files[request.url.path]
        return Response(text, media_type=kind)

    async def live(connection: WebSocket) -> None:
        await _serve_visitor(connection, pages, pool, visitors)

    app = Starlette(
        routes=[
            Route("/", index),
            *(Route(path, file) for path in files),
            Mount("/static", StaticFiles(packages=[("stepwell.lab", "static")])),
            WebSocketRoute("/ws", live),
        ],
        middleware=[Middleware(Guard, hosts=hosts, token=token)],
    )
    app.state.visitors, app.state.pool = visitors, pool
    return app


async def _serve_visitor(
    connection: WebSocket, pages: tuple[Page, ...], pool: ThreadPoolExecutor, visitors: set[Session]
) -> None:
    await connection.accept()
    if len(visitors) >= LIMITS["sockets"]:
        await connection.close(1008, f"{LIMITS['sockets']} visitors are here already")
        return

    async def send(message: dict[str, Any]) -> None:
        header, arrays = wire.parted(message)
        # A visitor who has gone is noticed by the loop below; the stream need not know.
        with suppress(WebSocketDisconnect, RuntimeError):
            if arrays:
                await connection.send_bytes(wire.binary(header, arrays))
            else:
                await connection.send_text(wire.encoded(header))

    session = Session({page.slug: page for page in pages}, send, pool)
    visitors.add(session)
    try:
        await session.greet(version("stepwell"), len(visitors) - 1)
        while True:
            message = await connection.receive()
            if message["type"] == "websocket.disconnect":
                break
            await _obey(session, message.get("text") or message.get("bytes") or "", send)
    finally:
        visitors.discard(session)
        await session.close()


async def _obey(session: Session, text: str | bytes, send: Any) -> None:
    try:
        message = wire.decoded(text)
    except ValueError as reason:
        await send({"type": "error", "about": "message", "why": str(reason)[:200]})
    else:
        await session.receive(message)


def serve(
    pages: tuple[Page, ...],
    host: str = "127.0.0.1",
    port: int = 0,
    token: bool = False,
    page: str | None = None,
    browser: bool = True,
) -> None:
    """Serve until interrupted. The address is bound first, and the real one printed and opened.

    Raises:
        ValueError: for a port in use, or a host beyond this machine without a token.
    """
    if host not in LOOPBACK and not token:
        raise ValueError(
            f"host {host} can be reached from other machines; add --token, so that only you get in."
        )
    secret = secrets.token_urlsafe(32) if token else None
    bound = _bound(host, port)
    address = f"http://{f'[{host}]' if ':' in host else host}:{bound.getsockname()[1]}/"
    entry = address + (f"?token={secret}" if secret else "") + (f"#/{page}" if page and not secret else "")
    if host not in LOOPBACK:
        print(f"warning: whoever knows this address can use the lab on {host}.", file=sys.stderr)
    print(f"The lab is open at {entry}\nPress Ctrl-C to close it.", flush=True)
    app = application(pages, frozenset({*LOOPBACK, host}), secret)
    app.state.pool.submit(warm_up, pages)
    if browser:
        threading.Thread(target=_show, args=(entry,), daemon=True).start()
    with suppress(KeyboardInterrupt):
        uvicorn.Server(configuration(app)).run(sockets=[bound])
    app.state.pool.shutdown(wait=False, cancel_futures=True)


def configuration(app: Starlette) -> uvicorn.Config:
    """How the application is served: bounded messages, and an end within a second even with open sockets."""
    return uvicorn.Config(
        app,
        log_level="warning",
        ws="websockets-sansio",
        ws_max_size=LIMITS["message_bytes"],
        timeout_graceful_shutdown=1,
    )


def warm_up(pages: tuple[Page, ...]) -> None:
    """Load the engines and compile the default run, so that the first visitor need not wait."""
    for page in pages:
        if page.slug == "training":
            engine = page.build({})
            engine.advance(engine.begin()[0], 1)


def _prepare() -> None:
    """Before the first array, in the threads that make arrays: importing the lab itself changes nothing."""
    import jax

    from stepwell.run.compilation_cache import switch_on

    jax.config.update("jax_enable_x64", True)
    switch_on()


def _bound(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
        bound.listen()  # who comes before the server is ready waits, instead of being refused
    except (OSError, OverflowError) as reason:
        bound.close()
        why = str(getattr(reason, "strerror", None) or reason).lower()
        raise ValueError(
            f"port {port} on {host} cannot be used ({why}); choose another one, or port 0 for any."
        ) from None
    return bound


def _show(address: str) -> None:
    if not webbrowser.open(address):
        print("No browser was found on this machine; open the address above yourself.", flush=True)


def _name(host: str) -> str:
    """The name in a Host header, without its port and brackets."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _with_headers(send: Send) -> Send:
    async def answer(message: Message) -> None:
        if message["type"] == "http.response.start":
            extra = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
            message = {**message, "headers": [*message["headers"], *extra]}
        await send(message)

    return answer
