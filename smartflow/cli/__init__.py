"""The `smartflow` command, one module for each of its commands."""
