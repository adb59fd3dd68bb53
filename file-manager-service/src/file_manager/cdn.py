"""CloudFront, which keeps copies of what is public."""

import boto3
from botocore.config import Config

from file_manager import places
from file_manager.file import File


class Cdn:
    """A distribution. Raises botocore's ClientError or BotoCoreError when CloudFront fails."""

    def __init__(self, distribution_id: str) -> None:
        self._id = distribution_id
        # Seconds for each try. By itself boto3 waits for a minute.
        self._cloudfront = boto3.client(
            "cloudfront", config=Config(connect_timeout=1, read_timeout=3)
        )

    def forget(self, file: File) -> None:
        """Let no copy of a public file be served. Asking again for the same file is the same."""
        self._cloudfront.create_invalidation(
            DistributionId=self._id,
            InvalidationBatch={
                "Paths": {"Quantity": 1, "Items": [f"/{places.folder(file)}*"]},
                "CallerReference": f"{file.file_id}:{file.version}",
            },
        )
