"""Model servers: any that speaks the OpenAI dialect, and a local one that Safeconduct starts and stops."""
