"""What people decides on: persons, reports, reminders, and the instance's own rules."""
