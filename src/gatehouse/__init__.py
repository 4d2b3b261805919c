"""Gatehouse: an open machine-learning system for user safety."""

__version__ = "0.1.0"
