"""Proof of what `is_extracted` promises, by breaking everything that can break; see docs/proof.md."""
