"""Orders of The Better Store and the saga that carries each one out."""
