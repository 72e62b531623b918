"""What every adapter of a port must do, tried against real servers."""
