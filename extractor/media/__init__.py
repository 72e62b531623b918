"""Everything that knows FFmpeg: what a file holds, which frames are wanted, and how they are decoded."""
