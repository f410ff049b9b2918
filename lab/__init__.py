"""The lab: records real telemetry of real programs in network namespaces of their own."""
