"""Times in words."""

from __future__ import annotations


def about(seconds: float) -> str:
    """Return a time that is not known exactly: `about 40 s`, `about 4 min`."""
    if seconds < 10:
        return "a few seconds"
    if seconds < 90:
        return f"about {round(seconds, -1):.0f} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    exact = [f"{hours} h"] * (hours > 0) + [f"{minutes} min"] * (minutes > 0)
    return f"about {' '.join(exact)}"


def clock(seconds: float) -> str:
    """Return a time as minutes and seconds: `1:05`."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"
