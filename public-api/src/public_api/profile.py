"""What a shopper keeps with the shop: their name, and where parcels go. No AWS."""

from typing import Annotated

from pydantic import Field, StringConstraints

from public_api.basket import STRICT, ShippingAddress, Text
from public_api.model import Model

MAX_ADDRESSES = 10
"""The most addresses that a shopper keeps."""


class KeptAddress(ShippingAddress):
    """An address, and what its shopper calls it."""

    label: Annotated[Text, StringConstraints(max_length=40)] | None = None


class Profile(Model):
    """A shopper's own. It is written whole. A new shopper's is empty."""

    model_config = STRICT

    name: Text | None = None
    addresses: Annotated[tuple[KeptAddress, ...], Field(max_length=MAX_ADDRESSES)] = ()
