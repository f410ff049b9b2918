"""Budgets: reserved at the worst case, settled after, leased to workers in slices (docs/spec/budgets.md)."""
