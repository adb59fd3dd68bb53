"""The public face of The Better Store: what it sells, and each shopper's orders."""
