"""The project as a package: what a wheel holds, and what works where nothing else is installed."""
