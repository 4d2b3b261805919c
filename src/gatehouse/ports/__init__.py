"""Protocols for what comes from outside; adapters keep them."""
