"""Finds accounts that act together more often than chance allows."""

from gatehouse.detectors.coordination.finding import Found, find
from gatehouse.detectors.coordination.settings import DAY, HOUR, MINUTE, Settings

__all__ = ["DAY", "HOUR", "MINUTE", "Found", "Settings", "find"]
