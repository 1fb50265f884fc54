"""The launcher, with stand-ins for the services and with the services."""
