"""The catalogue of The Better Store and the stock behind it."""
