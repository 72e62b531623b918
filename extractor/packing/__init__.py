"""One tar for each video in the place of an object for each frame."""
