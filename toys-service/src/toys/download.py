"""The private files of a toy: which one is sold where the toy is digital. Pure rules, no AWS.

The newest file is sold. That follows from the files there are, not from the order in which anybody
heard of them, for up to MOST_KEPT at a time: of more, the oldest are left out for good.
"""

from typing import Self

from toys.model import Model, Timestamp

MOST_KEPT = 20
"""Private files of a toy that are remembered."""

TYPES = ("application/pdf", "image/png", "image/jpeg", "image/webp")
"""The content types of files that can be sold."""


class Download(Model):
    """A private file of a toy."""

    file_id: str
    created_at: Timestamp


class Downloads(Model):
    """The private files of one toy, the newest first."""

    downloads: tuple[Download, ...] = ()

    @property
    def current(self) -> str | None:
        """The file id of the newest; None: there is none."""
        return self.downloads[0].file_id if self.downloads else None

    def add(self, download: Download) -> Self:
        """The files with one more, or with a newer state of one."""
        known = [*self.remove(download.file_id).downloads, download]
        known.sort(key=lambda one: (one.created_at, one.file_id), reverse=True)
        return type(self)(downloads=tuple(known[:MOST_KEPT]))

    def remove(self, file_id: str) -> Self:
        """The files without that one."""
        return type(self)(downloads=tuple(one for one in self.downloads if one.file_id != file_id))
