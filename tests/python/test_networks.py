"""Networks that are in the way: what exceptions say."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

import esky

CERTIFICATE = Path(__file__).parent / "data" / "expired-certificate.pem"


class _Answer(BaseHTTPRequestHandler):
    status = 200
    headers_to_send: tuple[tuple[str, str], ...] = ()
    body = b""

    def log_message(self, *_: object) -> None: ...

    def do_GET(self) -> None:
        self.send_response(self.status)
        for name, value in self.headers_to_send:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)

    do_CONNECT = do_GET


@contextmanager
def server(status: int, *headers: tuple[str, str], body: bytes = b"", certificate: Path | None = None) -> Iterator[str]:
    """A server that answers everything alike; its host and port."""
    answer = type("Answer", (_Answer,), {"status": status, "headers_to_send": headers, "body": body})
    with ThreadingHTTPServer(("127.0.0.1", 0), answer) as running:
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            running.socket = context.wrap_socket(running.socket, server_side=True)
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        try:
            yield f"127.0.0.1:{running.server_port}"
        finally:
            running.shutdown()
            thread.join()


def refused(app: esky.Esky, address: str, proxy: str | None = None) -> esky.NetworkError:
    app.version_finder = esky.DefaultVersionFinder(address, proxy=proxy, retries=0)
    with pytest.raises(esky.NetworkError) as caught:
        app.find_update()
    assert caught.value.hint
    return caught.value


def test_an_address_without_its_scheme_is_a_question(app: esky.Esky) -> None:
    error = refused(app, "127.0.0.1:8766")
    assert "did you mean https://127.0.0.1:8766" in str(error)
    assert "did you mean https://example.com/x?" in str(refused(app, "example.com/x"))
    assert "no address is given" in str(refused(app, ""))


def test_a_login_page_is_told_with_its_host(app: esky.Esky) -> None:
    page = b'<!doctype html><form><input type="password"></form>'
    with server(200, ("Content-Type", "text/html"), body=page) as host:
        error = refused(app, f"http://{host}/")
    assert f"received a web page from {host}" in str(error)
    assert "login" in str(error)


@pytest.mark.parametrize("source", ["http://releases.example/", "https://releases.example/"])
def test_a_proxy_that_requires_a_password_is_named(app: esky.Esky, source: str) -> None:
    with server(407, ("Proxy-Authenticate", "Basic realm=x")) as host:
        error = refused(app, source, proxy=f"http://{host}")
    assert f"the proxy {host} requires a name and a password" in str(error)
    assert error.hint is not None
    assert f"http://NAME:PASSWORD@{host}" in error.hint


def test_the_variable_that_names_a_proxy_is_told(app: esky.Esky, monkeypatch: pytest.MonkeyPatch) -> None:
    with server(403) as host:
        monkeypatch.setenv("https_proxy", f"http://{host}")
        error = refused(app, "https://releases.example/", proxy="environment")
    assert f"the proxy {host} (from the variable https_proxy) refuses" in str(error)


def test_an_encoding_that_cannot_be_undone_is_named(app: esky.Esky) -> None:
    with server(200, ("Content-Encoding", "br"), body=b"x") as host:
        error = refused(app, f"http://{host}/")
    assert "`Content-Encoding: br`" in str(error)


def test_an_expired_certificate_is_told_in_local_time(app: esky.Esky) -> None:
    from datetime import datetime, timezone

    with server(200, certificate=CERTIFICATE) as host:
        error = refused(app, f"https://{host}/")
    expiry = datetime(2001, 1, 1, tzinfo=timezone.utc).astimezone()
    assert f"expired on {expiry:%Y-%m-%d %H:%M %z} (issued by Example Authority)" in str(error)
    assert "Other" not in str(error)
