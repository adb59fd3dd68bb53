"""What may be uploaded, and for how long a form lets it in. Pure rules, no AWS."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Self

from pydantic import ConfigDict, Field, StringConstraints, model_validator

from file_manager.content import MAX_BYTES
from file_manager.file import NAME_PATTERN, File, Status, Visibility
from file_manager.model import Model

FORM_LIFE = timedelta(minutes=15)
"""How long a form takes an upload."""

PATIENCE = timedelta(days=1)
"""How long a file may be PENDING. Whatever S3 took in time has long been judged by then."""


class UploadType(StrEnum):
    """The content types that may be uploaded."""

    PNG = "image/png"
    JPEG = "image/jpeg"
    WEBP = "image/webp"
    PDF = "application/pdf"


class UploadRequest(Model):
    """A file that is to be uploaded, as it is announced. It is judged when it has come."""

    model_config = ConfigDict(extra="forbid")

    owner: Annotated[
        str,
        StringConstraints(
            # No slash, and no two dots in a row.
            pattern=r"^urn:tbs:[a-z-]{1,40}:[A-Za-z0-9_-]+([.:][A-Za-z0-9_-]+)*$",
            max_length=256,
        ),
    ] = Field(description="Whose it is: urn:tbs:<kind>:<id>")
    name: Annotated[str, StringConstraints(pattern=NAME_PATTERN)] = Field(
        description="What a PDF is called when it is downloaded; an image's is only remembered"
    )
    content_type: UploadType
    size: int = Field(
        strict=True,
        ge=1,
        le=max(MAX_BYTES.values()),
        description="In bytes, exactly: 5 MB (5 * 1024 * 1024) at most for an image, 10 for a PDF",
    )
    visibility: Visibility

    @model_validator(mode="after")
    def _is_not_too_large(self) -> Self:
        most = MAX_BYTES[self.content_type]
        if self.size > most:
            raise ValueError(f"size: {self.content_type} may be {most} bytes at most")
        return self

    @model_validator(mode="after")
    def _is_called_what_it_is(self) -> Self:
        # It is saved under its name, and opened as what the name says.
        if self.content_type is UploadType.PDF and not self.name.lower().endswith(".pdf"):
            raise ValueError("name: that of a PDF ends with .pdf")
        return self

    def file(self, file_id: str, at: datetime) -> File:
        """The file that waits for its upload from now on."""
        return File(
            **self.model_dump(mode="json", by_alias=False),
            file_id=file_id,
            status=Status.PENDING,
            version=1,
            created_at=at,
            updated_at=at,
            correlation_id=file_id,
        )
