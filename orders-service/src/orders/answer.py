"""What the events that answer an order have in common."""

from typing import Annotated, ClassVar

from pydantic import StringConstraints

from orders.facts import Facts
from orders.message import AboutOrder, Message
from orders.model import Model


class AboutShare(Model):
    """The share that a message is about. It is called by the order and the place of its line."""

    share_id: Annotated[str, StringConstraints(pattern=r"^[!-~]{1,100}:[1-9][0-9]?$")]

    @property
    def order_id(self) -> str:
        """The order that the file is for."""
        return self.share_id.rpartition(":")[0]

    @property
    def line(self) -> int:
        """The place of the line in the order, from 1."""
        return int(self.share_id.rpartition(":")[2])


class Answer(Message):
    """An event that answers what an order asked for."""

    sender: ClassVar[str]
    data: AboutOrder | AboutShare

    def facts(self) -> Facts:
        """What the event adds to the order."""
        return Facts()
