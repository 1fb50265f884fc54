"""How Rostrum runs: the `rostrum` command, the launcher, deployment files."""
