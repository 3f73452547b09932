"""Texts for checks: English prose, odd Unicode, random strings."""

from __future__ import annotations

import random
import re
from itertools import cycle

PROSE = """\
The ferry to Hollin Island left at 7:45, and Martha Quill was on it, as she had been on every Monday for \
eleven years. She sat on the left side of the upper deck, where the wind was weaker, and opened the letter \
that her brother had sent from Rotterdam. "You will not believe it," he wrote, "but the old lighthouse is \
for sale. They want 240,000 for it, and the roof is new." Martha read the letter twice, folded it, and put \
it back into her coat.

The lighthouse had stood empty since 1987. When they were children, she and Peter used to climb the hill \
behind the harbour, count the 112 steps to the door, and look through the keyhole. There was never anything \
to see but a chair, a table and the first turn of the stairs. Once, though, there had been a light. Peter \
said that it was the sun; Martha knew that it was not, and she had said so, and they had not spoken to each \
other for the rest of the day.

The captain, a small man with a grey beard whose name was Oswald Brandt, came up the stairs with two cups of \
tea. "Rain by noon," he said, and gave her one. "They say it every Monday," said Martha, "and every Monday \
it is dry until three o'clock." He laughed. The captain had taken the ferry across the sound more than nine \
thousand times, and he had been wrong about the rain on most of them. He didn't mind. "It's a long way to be \
right in," he used to say.
"""
"""Three paragraphs with names, numbers, quotes and repeated words."""

OTHER_PROSE = """\
Copper was smelted in this valley long before anybody wrote about it. Archaeologists from Zürich found \
slag, charcoal and three broken moulds below the quarry (site № 14), and dated them to about 2300 BC. \
“We expected nothing,” admitted Dr. Ximena Kovačević; “we got a workshop – kilns, tools, even a toddler’s \
footprint.” Entry costs €6.50, or ¥1,000 for visitors who forgot their euros.

Jazz quartets, by contrast, play here on Fridays only. Bring a jacket; evenings are chilly, & the zigzag \
path back to the village has 98 uneven steps… or 99 – nobody agrees.
"""
"""Text with words and characters that `PROSE` lacks."""

NASTY = (
    "\ud83d", "\ude00", "\ud83d\ude00", "\udfff\ud800",  # lone surrogates, also side by side
    "😀", "👩‍👩‍👧", "🇳🇱", "👍🏽", "e\u0301", "\u0301", "ñ", "n\u0303", "a\u0328\u0301\u0302",
    "İi", "ß", "ﬁ", "Å", "中文字", "かな", "한국어", "שלום", "مرحبا", "ไทย", "हिन्दी",
    "\u202e", "\u200d", "\u200b", "\ufeff", "\ufffd", "\uffff", "\U0010ffff",
    "\0", "\x1b[1m", "\x1c", "\x7f", "\x85", "\u2028", "\xa0", "\u3000",
    " ", "   ", " \n ", "\t", "\r\n", "\r", "\n\n\n", "x" * 300, "A\tB", "ABBA",
    "--", "...", "…", "n't", "don’t", " it's", "‘tis", " the", "The ", ".", "_", "``", "''",
    "<0x41>", "<0xE2><0x82>", "<unk>", "<s>", "</s>", "[UNK]", "##ing", "▁the", "Ġthe",
    "<b>", "</b>", "<!--", "&amp;", "&#0;", "&#55296;", "{{", "]]", "Â\x80", "â€™",
)  # fmt: skip
"""Strings that break programs: halves of characters, joined and invisible ones, lookalikes of tokens."""


def stretched(text: str, character: str) -> str:
    """Return a text whose runs of a character are two to seven of them long, in turn."""
    lengths = cycle(range(2, 8))
    return re.sub(f"{re.escape(character)}+", lambda _: character * next(lengths), text)


def random_strings(number: int = 60, seed: int = 0) -> list[str]:
    """Return strings of up to 20 characters from all of Unicode, lone surrogates included."""
    generator = random.Random(seed)
    ends = (0x80, 0x250, 0x3000, 0x10000, 0x110000)  # ASCII, Latin, most alphabets, the first plane, all
    return [
        "".join(chr(generator.randrange(generator.choice(ends))) for _ in range(generator.randrange(1, 21)))
        for _ in range(number)
    ]


def any_texts() -> list[str]:
    """Return texts of every sort: an empty one, prose, odd strings alone and together."""
    together = "".join(NASTY), " ".join(reversed(NASTY)), f"{PROSE[:80]}{NASTY[0]}{PROSE[80:160]}"
    return ["", PROSE, OTHER_PROSE, *NASTY, *together, *random_strings()]
