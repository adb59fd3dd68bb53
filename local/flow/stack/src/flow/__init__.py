"""Keeps what the bus carries."""
