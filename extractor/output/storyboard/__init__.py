"""What shows a video at a glance, made of its frames: a contact sheet, and thumbnails for a seek bar.

Imported only where it is asked for: it needs OpenCV.
"""
