"""A rebuild: that all toys and orders be told of anew. No AWS."""

from public_api.model import Model, Timestamp


class Rebuild(Model):
    """That a rebuild was asked for, and when."""

    request_id: str
    requested_at: Timestamp
