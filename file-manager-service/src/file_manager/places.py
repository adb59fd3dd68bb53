"""Where a file's objects lie, and the addresses they are read at. Pure rules, no AWS.

| key                                      | what lies there                                    |
|------------------------------------------|----------------------------------------------------|
| `incoming/<fileId>`                      | what was uploaded, until it is judged              |
| `<visibility>/<fileId>/<digest>/<name>`  | what came of it: a PDF as it is, an image in sizes |
| `private/<fileId>/<name>`                | a text that came by a message                      |

The digest is of what was uploaded, so that an object is never overwritten by other content, even
where two uploads to one form are judged at the same time: caches may keep it for ever.
"""

from file_manager.file import TEXT_TYPES, File
from file_manager.model import Model

INCOMING = "incoming/"

DIGITS = 16
"""How many hexadecimal digits of the SHA-256 stand in a key."""


class Renditions(Model):
    """An image's sizes: WebP, the longer edge at most 160, 480 and 1600 pixels."""

    thumbnail: str
    card: str
    full: str


class Addresses(Model):
    """Where a file is read. `url` is what to open: the file itself or, of an image, `full`."""

    url: str
    renditions: Renditions | None


def incoming(file_id: str) -> str:
    """The key that a form uploads to."""
    return f"{INCOMING}{file_id}"


def uploaded(key: str) -> str:
    """The id of the file that an object of that key was uploaded for."""
    return key.removeprefix(INCOMING)


def folder(file: File) -> str:
    """What the keys of all of the file's objects begin with, once it is judged."""
    return f"{file.visibility}/{file.file_id}/"


def contents(file: File) -> str:
    """What the keys of a stored file's objects begin with. Other content would begin otherwise."""
    if file.content_type in TEXT_TYPES:
        return folder(file)
    if file.sha256 is None:
        raise ValueError(f"file {file.file_id} has no content")
    return f"{folder(file)}{file.sha256[:DIGITS]}/"


def keys(file: File) -> Addresses:
    """The keys of a stored file's objects."""
    base = contents(file)
    if not file.content_type.startswith("image/"):
        return Addresses(url=f"{base}{file.name}", renditions=None)
    sizes = Renditions(**{name: f"{base}{name}.webp" for name in Renditions.model_fields})
    return Addresses(url=sizes.full, renditions=sizes)


def objects(file: File) -> list[str]:
    """The keys of a stored file's objects, one by one."""
    found = keys(file)
    return list(found.renditions.model_dump().values()) if found.renditions else [found.url]


def was_shown(file: File) -> bool:
    """Whether anybody could read the file, were it stored: its content came, and it is public."""
    return file.is_public and file.sha256 is not None


def addresses(file: File, public_url: str) -> Addresses | None:
    """The URLs that anybody may open; None for a private file.

    Args:
        public_url: what they begin with, without a slash at its end.
    """
    if not file.is_public:
        return None
    found = keys(file)
    sizes = found.renditions
    return Addresses(
        url=f"{public_url}/{found.url}",
        renditions=sizes
        and Renditions(**{name: f"{public_url}/{key}" for name, key in sizes.model_dump().items()}),
    )
