"""Storyboard of a video: contact sheet, and thumbnails for a seek bar. Imported on demand: needs OpenCV."""
