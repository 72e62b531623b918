"""Cuts and scenes, by PySceneDetect's detectors on small copies of the decoded frames."""
