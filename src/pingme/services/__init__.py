"""Use cases: one module per noun."""
