"""Budgets: reserved at the worst case before a call, settled after it, leased to workers in slices (docs/spec/budgets.md)."""
