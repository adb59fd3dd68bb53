"""Files of toys in the table: what is known of each, beside the toy that shows or sells it.

| pk                 | item                                                                       |
|--------------------|----------------------------------------------------------------------------|
| `PICTURE#<fileId>` | `FileRecord`, the newest that was told, of a private file as well; without |
|                    | a picture or a download: the file is deleted                               |
"""

from toys.picture import FileRecord
from toys.store import Conflict, Item, Part, plain
from toys.toy import Toy
from toys.toy_items import ToyItems


class FileItems(ToyItems):
    """Loads and saves what is known of files of toys."""

    def file(self, file_id: str) -> FileRecord | None:
        """What is known of a file."""
        return _record(self._get(_key(file_id)))

    def know(self, record: FileRecord, before: FileRecord | None, toy: Toy | None = None) -> None:
        """Keep what is known of a file now, and the toy with its files, in one transaction.

        Args:
            before: what was known of the file when it was read.
            toy: with the files that follow; None: no toy's files change.

        Raises:
            Conflict: something else is known of the file by now, or the toy is another.
        """
        parts = [self._known(record, before)]
        if toy:
            parts.append(self._arrange(toy))
        if self._transact(parts):
            raise Conflict(f"file {record.file_id} or toy {record.toy_id} is not what it was")

    def _known(self, record: FileRecord, before: FileRecord | None) -> Part:
        item = {"pk": _key(record.file_id), **plain(record)}
        if before is None:
            return self._new(item)
        return self._put(item, "version = :before", before=before.version)


def _record(item: Item | None) -> FileRecord | None:
    return FileRecord.model_validate(item) if item else None


def _key(file_id: str) -> str:
    return f"PICTURE#{file_id}"
