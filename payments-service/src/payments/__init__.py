"""The payments of The Better Store: one per order, taken and given back through Stripe."""
