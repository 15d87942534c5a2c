"""MetaCache: answers that are given again to an equal request."""
