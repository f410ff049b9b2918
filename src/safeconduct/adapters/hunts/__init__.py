"""Hunts over Parquet segments, in a child process. Only that process imports an engine, or Ibis."""
