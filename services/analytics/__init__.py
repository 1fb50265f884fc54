"""Analytics: every engagement event as a row, and questions on them. Publishes nothing."""
