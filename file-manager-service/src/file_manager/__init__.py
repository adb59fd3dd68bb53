"""The files of The Better Store."""
