"""Find videos that show the same content, by the perceptual hashes of their frames. Needs numpy."""
