"""The e-mails of The Better Store."""
