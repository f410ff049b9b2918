"""Composition roots: where adapters, runtime and features are put together. Nothing else knows them all."""
