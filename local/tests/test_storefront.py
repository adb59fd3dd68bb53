"""The storefront on this machine: its files under their addresses, and the headers of the shop."""

import socket
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from starlette.types import ASGIApp

from local.errors import LocalError
from local.gateway import application
from local.settings import Settings
from local.storefront import file_name

FILES = {
    "index.html": "<h1>Toys</h1>",
    "toy.html": "<h1>One toy</h1>",
    "not-found.html": "<h1>No such page</h1>",
    "style.css": "body {}",
    "lib/api.js": "export {}",
    "icon.svg": "<svg/>",
    "site.webmanifest": "{}",
    ".hidden.js": "no",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "storefront"
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    (tmp_path / "secret.css").write_text("no")
    (folder / "link.css").symlink_to(tmp_path / "secret.css")
    return folder


@pytest.fixture
def shop(serve: Callable[[ASGIApp], str], settings: Settings, folder: Path) -> str:
    """The gateway's address, with these files and without an API."""

    def missing() -> str:
        raise LocalError("There is no API")

    return serve(application(settings, missing, files=folder))


def get(url: str, method: str = "GET", **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.request(method, url, headers=named, trust_env=False)


def sent(shop: str, target: str) -> str:
    """The status line of the answer to a path that no client would send so."""
    host, port = shop.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(f"GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        return connection.recv(4096).decode().splitlines()[0]


@pytest.mark.parametrize(
    ("path", "file", "kind"),
    [
        ("/", "index.html", "text/html; charset=utf-8"),
        ("/index.html", "index.html", "text/html; charset=utf-8"),
        ("/?q=bear", "index.html", "text/html; charset=utf-8"),
        ("/toy?id=t-1", "toy.html", "text/html; charset=utf-8"),
        ("/not-found", "not-found.html", "text/html; charset=utf-8"),
        ("/style.css", "style.css", "text/css; charset=utf-8"),
        ("/lib/api.js", "lib/api.js", "text/javascript; charset=utf-8"),
        ("/icon.svg", "icon.svg", "image/svg+xml"),
        ("/site.webmanifest", "site.webmanifest", "application/manifest+json"),
    ],
)
def test_a_file_is_shown_under_its_address(shop: str, path: str, file: str, kind: str) -> None:
    answer = get(shop + path)
    assert answer.status_code == 200
    assert answer.text == FILES[file]
    assert answer.headers["content-type"] == kind
    assert answer.headers["cache-control"] == "no-cache"
    head = get(shop + path, "HEAD")
    assert (head.status_code, head.text) == (200, "")
    assert head.headers["content-length"] == str(len(FILES[file]))


def test_a_file_that_did_not_change_is_not_sent_again(shop: str, folder: Path) -> None:
    tag = get(f"{shop}/style.css").headers["etag"]
    again = get(f"{shop}/style.css", If_None_Match=tag)
    assert (again.status_code, again.text) == (304, "")
    assert "default-src 'none'" in again.headers["content-security-policy"]
    (folder / "style.css").write_text("body { margin: 0 }")
    assert get(f"{shop}/style.css", If_None_Match=tag).status_code == 200


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    "path",
    ["/nothing", "/toy.html", "/lib/none.js", "/.hidden.js", "/lib", "/lib/", "/link.css", "/a/b"],
)
def test_what_is_not_there_is_not_found(shop: str, path: str, method: str) -> None:
    answer = get(shop + path, method)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.text == (FILES["not-found.html"] if method == "GET" else "")


@pytest.mark.parametrize(
    "path",
    [
        "/../secret.css",
        "/%2e%2e/secret.css",
        "/lib/../../secret.css",
        "/lib/%2e%2e/%2e%2e/secret.css",
        "/..%2fsecret.css",
        "//etc/hosts",
        "/%2fetc%2fhosts",
        "/%00.css",
        "/" + "a" * 300,
    ],
)
def test_nothing_beside_the_folder_is_shown(shop: str, path: str) -> None:
    assert sent(shop, path) == "HTTP/1.1 404 Not Found"


def test_files_are_only_read(shop: str) -> None:
    assert get(f"{shop}/toy", "POST").status_code == 405
    assert get(f"{shop}/style.css", "DELETE").status_code == 405


def test_without_a_page_that_says_so_it_is_said_in_a_line(shop: str, folder: Path) -> None:
    (folder / "not-found.html").unlink()
    answer = get(f"{shop}/nothing")
    assert (answer.status_code, answer.text) == (404, "There is no such page\n")


def test_localhost_leads_to_the_shops_own_origin(shop: str) -> None:
    port = httpx.URL(shop).port
    answer = get(f"{shop}/toy?id=t-1", Host=f"localhost:{port}")
    assert answer.status_code == 307
    assert answer.headers["location"] == f"http://127.0.0.1:{port}/toy?id=t-1"


@pytest.mark.parametrize("path", ["/", "/nothing", "/lib/api.js", "/api/toys"])
def test_pages_and_answers_carry_the_shops_headers(
    shop: str, path: str, settings: Settings
) -> None:
    headers = get(shop + path).headers
    policy = headers["content-security-policy"]
    directives = dict(directive.split(" ", 1) for directive in policy.split("; "))
    assert directives == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self' https: data:",
        "connect-src": f"'self' {settings.url}/cognito/",
        "form-action": "'self'",
        "base-uri": "'none'",
        "frame-ancestors": "'none'",
        "manifest-src": "'self'",
    }
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "strict-origin-when-cross-origin"
    assert headers["strict-transport-security"] == "max-age=31536000"


@pytest.mark.parametrize(
    ("path", "name"),
    [("", "index.html"), ("toy", "toy.html"), ("a.js", "a.js"), ("b/c", "b/c"), ("d.html", None)],
)
def test_the_file_of_an_address(path: str, name: str | None) -> None:
    assert file_name(path) == name
