"""A stand-in for Stripe on this machine, spoken to through Stripe's own SDK.

What it keeps of Stripe, and what it leaves out, is told in README.md.
"""
