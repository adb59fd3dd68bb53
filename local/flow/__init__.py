"""The flow page: every message of the shop, drawn from its sender to its readers as it goes."""
