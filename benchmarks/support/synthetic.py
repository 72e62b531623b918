"""Synthetic footage whose encoding cost is similar to that of real footage. Pure: no I/O.

Scenes of different length follow each other with hard cuts. Each is a detailed still picture under a moving
camera, with a sharp moving object and sensor noise.
"""

from collections.abc import Iterator
from itertools import cycle

_LENGTHS = (4.3, 2.6, 6.1, 3.4, 5.2, 2.1)
_PLACES = (
    "start_x=-0.743643887:start_y=0.131825904:start_scale=0.01",
    "start_x=-0.1015:start_y=0.9563:start_scale=0.3",
    "start_x=-1.25066:start_y=0.02012:start_scale=0.02",
    "start_x=0.2925:start_y=0.0149:start_scale=0.05",
)
_GRAIN = "noise=alls=6:allf=t+u,format=yuv420p"


def scenery(width: int, height: int, rate: int, seconds: float) -> str:
    """Return a libavfilter graph without inputs, `seconds` long. Sizes must be even."""
    lengths = list(_scene_lengths(seconds))
    scenes = [_scene(number, width, height, rate, length) for number, length in enumerate(lengths)]
    names = "".join(f"[scene{number}]" for number in range(len(lengths)))
    return ";".join([*scenes, f"{names}concat=n={len(lengths)},fps={rate},{_GRAIN}"])


def _scene_lengths(seconds: float) -> Iterator[float]:
    left = seconds
    for length in cycle(_LENGTHS):
        if left <= length:
            yield left
            return
        yield length
        left = round(left - length, 3)


def _scene(number: int, width: int, height: int, rate: int, seconds: float) -> str:
    picture = f"mandelbrot=size={width * 3 // 2}x{height * 3 // 2}:rate={rate}:maxiter=300:inner=mincol:"
    place = _PLACES[number % len(_PLACES)]
    still = f"trim=end_frame=1,loop=-1:1,setpts=N/{rate}/TB,trim=duration={seconds}"
    # 1.2 and 0.9 rad/s over a quarter of the picture: a hand-held camera that looks around.
    camera = (
        f"crop={width}:{height}:(iw-ow)/2*(1+sin(1.2*t+{number})):(ih-oh)/2*(1+cos(0.9*t+{number})),"
        f"hue=h={number * 67 % 360},setsar=1"
    )
    side = min(width, height) // 3 // 2 * 2
    thing = f"testsrc2=size={side}x{side}:rate={rate}:duration={seconds},setsar=1[thing{number}]"
    path = "x=(W-w)/2*(1+sin(2*t)):y=(H-h)/2*(1+sin(3*t)):shortest=1"
    return (
        f"{picture}{place},{still},{camera}[back{number}];{thing};"
        f"[back{number}][thing{number}]overlay={path},setsar=1[scene{number}]"
    )
