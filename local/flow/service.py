"""The stack that keeps what the bus carries. It is no service of the shop: none knows of it."""

from local.services import Service
from local.settings import ROOT


class FlowStack(Service):
    """The folder `local/flow/stack`, and the stack tbs-app-flow-<environment> made of it."""

    @property
    def name(self) -> str:
        """flow."""
        return "flow"


FLOW = FlowStack(ROOT / "local" / "flow" / "stack")
