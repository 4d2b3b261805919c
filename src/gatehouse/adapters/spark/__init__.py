"""Batch scoring on a Spark cluster: Spark schedules, joins and retries; reading and judging are the house's own."""
