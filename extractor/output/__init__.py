"""Everything that is stored for a video: frames, archive, storyboard, manifest, resume record."""
