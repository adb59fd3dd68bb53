"""The sales of The Better Store, in SQL."""
