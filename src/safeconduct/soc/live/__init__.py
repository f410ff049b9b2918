"""Detection as events come (docs/spec/live.md)."""
