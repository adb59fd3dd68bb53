"""Shipments of The Better Store."""
