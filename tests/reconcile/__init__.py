"""Reconciling: what is planted is found, what is set right stays right, and nothing living is removed."""
