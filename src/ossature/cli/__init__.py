"""The command line face: arguments, output and exit codes."""
