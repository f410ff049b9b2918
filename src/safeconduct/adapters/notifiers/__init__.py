"""Ways by which notices reach people: e-mail, webhooks, Slack and Microsoft Teams."""
