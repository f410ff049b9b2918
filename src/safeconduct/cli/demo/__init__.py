"""The demo: a story over recorded telemetry."""
