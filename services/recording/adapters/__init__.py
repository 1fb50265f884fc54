"""The spool on the disk, the backlog in NATS, and the object store of finished recordings."""
