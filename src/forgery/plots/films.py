"""Animations: as GIF, or as mp4 by ffmpeg."""

import shutil
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from PIL import Image

from ..errors import ForgeryError
from ..writing import replacing

#: Formats of animations.
SUFFIXES = (".gif", ".mp4")
#: Number of colours of a GIF.
COLOURS = 128
#: Frames per second of an mp4; a frame of a GIF is shown for a multiple of 10 ms.
RATE = 25
#: Longer side in pixels to which the frames of an mp4 are enlarged, by an integer factor.
SIDE = 480


def check_film(target: Path) -> None:
    """Raise a :class:`ForgeryError` if an animation cannot be written in the format of a name."""
    if target.suffix.lower() not in SUFFIXES:
        raise ForgeryError(f"cannot write {target}: an animation is a .gif or an .mp4")
    if target.suffix.lower() == ".mp4" and _ffmpeg() is None:
        raise ForgeryError(
            f"cannot write {target}: mp4 needs ffmpeg, which is not installed: pip install "
            "imageio-ffmpeg, or write a .gif"
        )


def write_film(frames: Sequence[Image.Image], milliseconds: Sequence[int], target: Path) -> None:
    """Write an animation in the format of the suffix of ``target``.

    Parameters
    ----------
    frames:
        Pictures of one size and mode.
    milliseconds:
        The time for which each of them is shown; an mp4 rounds it to its :data:`RATE`.
    target:
        A ``.gif``, which repeats for ever, or an ``.mp4``: H.264, yuv420p, which every player and
        browser shows. The frames of an mp4 are enlarged to about :data:`SIDE`, each pixel to a
        square, since players blur small pictures.

    Raises
    ------
    ForgeryError
        As :func:`check_film`, or if ffmpeg fails.
    """
    check_film(target)
    if target.suffix.lower() == ".mp4":
        _write_mp4(frames, milliseconds, target)
        return
    first, *others = alike(frames)
    first.save(
        target,
        save_all=True,
        append_images=others,
        duration=list(milliseconds),
        loop=0,
        optimize=True,
    )


def alike(frames: Sequence[Image.Image]) -> list[Image.Image]:
    """Convert the frames of a GIF to one palette, so that colours do not flicker."""
    if frames[0].mode == "L":
        # Sixteen grey levels are enough for an animation and make the file a third as large.
        return [frame.point(lambda grey: 17 * round(grey / 17)) for frame in frames]
    width, height = frames[0].size
    strip = Image.new("RGB", (width, height * len(frames)))
    for i, frame in enumerate(frames):
        strip.paste(frame, (0, i * height))
    # An octree keeps rare colours, such as those of points; a median cut merges them.
    palette = strip.quantize(COLOURS, Image.Quantize.FASTOCTREE)
    return [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames]


def _write_mp4(frames: Sequence[Image.Image], milliseconds: Sequence[int], target: Path) -> None:
    width, height = frames[0].size
    times = max(1, round(SIDE / max(width, height)))
    width, height = width * times, height * times
    even = "pad=ceil(iw/2)*2:ceil(ih/2)*2"  # yuv420p has a colour for each 2 × 2 pixels
    # The colours of high definition, stated in the file: players would otherwise guess.
    convert = "scale=out_color_matrix=bt709:out_range=tv,format=yuv420p"
    state = "setparams=color_primaries=bt709:color_trc=bt709:colorspace=bt709"
    command = [
        *(str(_ffmpeg()), "-y", "-loglevel", "error"),
        *("-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-r", str(RATE)),
        *("-i", "pipe:", "-vf", f"{even},{convert},{state}", "-c:v", "libx264", "-crf", "16"),
        *("-movflags", "+faststart"),
    ]
    with replacing(target) as temporary:
        command.append(str(temporary))
        with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as encoder:
            assert encoder.stdin
            assert encoder.stderr
            with suppress(BrokenPipeError), encoder.stdin as pipe:  # ffmpeg then says what is wrong
                for frame, duration in zip(frames, milliseconds, strict=True):
                    large = frame.convert("RGB").resize((width, height), Image.Resampling.NEAREST)
                    pipe.write(large.tobytes() * max(1, round(duration * RATE / 1000)))
            problems = encoder.stderr.read().decode(errors="replace").strip()
        if encoder.returncode:
            reason = problems.partition("\n")[0]
            raise ForgeryError(f"cannot write {target}: ffmpeg failed: {reason}")


def _ffmpeg() -> str | None:
    """The path of imageio-ffmpeg's program or of the system's, or None."""
    with suppress(ImportError, RuntimeError):  # it has no program for some systems
        from imageio_ffmpeg import get_ffmpeg_exe

        return str(get_ffmpeg_exe())
    return shutil.which("ffmpeg")
