"""The version of the package; its build reads it from here."""

__version__ = "0.6.0"
