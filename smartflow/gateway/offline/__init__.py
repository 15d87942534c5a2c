"""The offline provider: deterministic, clearly labelled answers for every model when no provider key is set."""
