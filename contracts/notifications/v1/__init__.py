"""Notifications: webhooks to servers of the host product, and web push to browsers of people."""

from contracts.notifications.v1.deliveries import *
from contracts.notifications.v1.personal_data import *
from contracts.notifications.v1.push import *
from contracts.notifications.v1.webhooks import *
