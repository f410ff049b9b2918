"""Prompts: in which words models are asked about incidents, by version."""
