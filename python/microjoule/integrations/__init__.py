"""Where people serve: one framework a file, loaded when it is imported by name."""
