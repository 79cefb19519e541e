"""One file a command. Heavy imports happen inside the functions, so that `osiris --help` is instant."""
