"""Security operations: events, detection, correlation, claims, grounding, actions."""
