"""The demo: the invented company's month, run through the same use cases as any other book."""
