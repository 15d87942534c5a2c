"""Virtual keys: who may call, which models, how often, and for how much money."""
