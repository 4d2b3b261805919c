"""The ledger and the registry in a SQL database."""
