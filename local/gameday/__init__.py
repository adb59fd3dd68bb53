"""A game day on the local cloud: something breaks, and you find out what. `make gameday`."""
