"""What people look at and find: which case a report belongs to, in what order, and what a finding leads to."""
