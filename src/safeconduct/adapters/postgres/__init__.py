"""Control state, logs and heads on PostgreSQL. Needs the extra `postgres`."""
