"""Detect cuts and scenes with PySceneDetect, on downscaled copies of the decoded frames."""
