"""The one SQLite of a process: a second copy of it would let go of the locks that the first holds on a file."""

try:
    # Before 3.51.3 two connections that empty the log at the same moment can, very rarely, damage the file
    # (sqlite.org/wal.html#walresetbug), and Python comes with whatever version the system has.
    from pysqlite3 import dbapi2 as driver
except ImportError:  # there is no wheel for this platform
    import sqlite3 as driver

SOUND = (3, 51, 3)
"""The first version in which a log is emptied without that risk."""

__all__ = ["SOUND", "driver"]
