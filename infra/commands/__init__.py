"""The subcommands of `rostrum`: a module each."""
