"""Answers each call with the same Idempotency-Key once: the work is done one time, its answer given as often as asked."""
