"""Read the sample tables of containers without FFmpeg: the timestamps, places and roles of all packets."""
