"""The storefront's files as CloudFront shows them, read anew at each request.

A page's address has no ending: toy.html is /toy, and index.html is /.
"""

import mimetypes
import os
from pathlib import PurePosixPath

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, RedirectResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from local.settings import HOST, ROOT

FOLDER = ROOT / "public-api" / "storefront"

NOT_FOUND = "not-found.html"
"""The page that a wrong address leads to."""

# Not in every system's own list.
mimetypes.add_type("application/manifest+json", ".webmanifest")
mimetypes.add_type("text/javascript", ".js")


class Storefront(StaticFiles):
    """Serves the files of a folder under the names that they are published by."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """The file, 304, or the page that says that there is none."""
        request = Request(scope)
        if request.url.hostname == "localhost":  # an origin of its own, to a browser
            return RedirectResponse(request.url.replace(hostname=HOST))
        try:
            response = await super().get_response(path, scope)
        except HTTPException as error:
            if error.status_code != 404:
                raise
            response = self._not_found()
        response.headers["Cache-Control"] = "no-cache"  # an edited page shows on reload
        return response

    def lookup_path(self, path: str) -> tuple[str, os.stat_result | None]:
        """The file of an address, and what the system knows of it; None where there is none."""
        name = file_name(path)
        return super().lookup_path(name) if name else ("", None)

    def _not_found(self) -> Response:
        full_path, found = super().lookup_path(NOT_FOUND)
        if not found:
            return PlainTextResponse("There is no such page\n", 404)
        return FileResponse(full_path, 404, stat_result=found)


def file_name(path: str) -> str | None:
    """The file that a path leads to; None where nothing is published under it."""
    address = PurePosixPath(path)
    if path in {"", "."}:
        return "index.html"
    if any(part.startswith(".") for part in address.parts):
        return None
    if not address.suffix and len(address.parts) == 1:
        return f"{path}.html"
    if address.suffix == ".html" and path != "index.html":
        return None
    return path
