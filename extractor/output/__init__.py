"""What is written for a video: frames, tar, storyboard, manifest, and the record of a partial run."""
