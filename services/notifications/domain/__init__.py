"""What notifications decides: webhooks, subscriptions of browsers, and when something is tried again."""
