"""The control API under /api/v1: one module per noun, each a router."""
