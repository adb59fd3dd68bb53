"""CloudFront, which keeps copies of what is public."""

import hashlib
from collections.abc import Collection

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

    def forget(self, files: Collection[File], occasion: str) -> None:
        """Let no copy of these public files be served. Asked again on one occasion is the same.

        Each object is named: of patterns CloudFront takes fifteen at a time, of names 3,000.
        """
        paths = sorted(f"/{key}" for file in files for key in places.objects(file))
        sum_ = hashlib.sha256("\n".join([occasion, *paths]).encode()).hexdigest()
        self._cloudfront.create_invalidation(
            DistributionId=self._id,
            InvalidationBatch={
                "Paths": {"Quantity": len(paths), "Items": paths},
                "CallerReference": sum_,
            },
        )
