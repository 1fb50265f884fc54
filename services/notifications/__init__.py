"""Notifications: webhooks to servers of the host product, and web push to browsers of people."""
