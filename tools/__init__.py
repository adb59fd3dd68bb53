"""What the eight services share at the top, without any of them knowing: their contracts."""
