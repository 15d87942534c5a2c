"""The VAS audit log: one row for each call, and what can be read from the rows."""
