"""Proof of what `is_extracted` promises under injected faults; see docs/explanation/proof.md."""
