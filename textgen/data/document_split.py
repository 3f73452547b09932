"""A split that keeps documents whole: each is in one part, by its place in the text."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from itertools import accumulate

from textgen.contracts import TextgenError


def document_places(
    ends: Sequence[int], shares: Mapping[str, float], num_slices: int
) -> dict[str, list[tuple[int, int]]]:
    """Return the ranges of characters of each part of a text whose documents end at `ends`.

    `shares` are the percentages of the parts, in order. At most `num_slices` slices have equal numbers of
    documents; there are fewer if the smallest part would have less than a document in each. In a slice, a
    part is a run of documents, at least one, that ends where a document does nearest to its share.
    Raises `TextgenError` if there are fewer documents than parts.
    """
    number = len(ends)
    if number < len(shares):
        some = f"{number} document{'s' * (number > 1)}"
        raise TextgenError(
            f"the text has {some}, too few to keep them whole in {len(shares)} parts; "
            "leave documents: out of the split, or give more documents"
        )
    begins = [0, *ends]
    num_slices = max(1, min(num_slices, int(number * min(shares.values()) / 100)))
    places: dict[str, list[tuple[int, int]]] = {name: [] for name in shares}
    for index in range(num_slices):
        first, last = number * index // num_slices, number * (index + 1) // num_slices
        begin, size = begins[first], begins[last] - begins[first]
        cumulated = accumulate(shares.values())
        for position, (name, share) in enumerate(zip(shares, cumulated, strict=True), 1):
            latest = last - len(shares) + position  # which leaves a document to each part that follows
            target = begin + size * share / 100
            place = bisect_left(begins, target, first + 1, latest)
            is_nearer = place - 1 > first and target - begins[place - 1] < begins[place] - target
            following = latest if position == len(shares) else place - is_nearer
            places[name].append((begins[first], begins[following]))
            first = following
    return places
