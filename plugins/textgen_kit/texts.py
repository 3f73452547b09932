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

On the island there were forty-three houses, one shop, one school and two churches, which weren't on good \
terms. The shop belonged to Ada Brandt, the captain's sister; she sold bread, newspapers, paint, stamps, \
rope and, if one asked for it, advice. "Buy it," said Ada, before Martha had opened her mouth. "The whole \
island knows about the letter. Your brother wrote to me too, and to the school, and to both of the \
churches." Martha put her basket on the counter. "What would I do with a lighthouse?" she asked. "What does \
anybody do with one? You would look at the sea, and now and then the sea would look at you."

So she went up the hill. There were still 112 steps, but the keyhole was gone, since there was a new door, \
painted green, and it stood open. Inside were the chair and the table. On the table lay a book, and in the \
book somebody had written down, day by day and year by year, the ships that passed: the name, the hour, the \
weather. The first line was from the 3rd of March 1951; the last line was from this morning. "Ferry, 8:20," \
it said. "Wind from the west. M. Quill on the left side of the upper deck, with a letter."

Martha sat down on the chair. She thought of the light that Peter had called the sun, and of all the Mondays \
on the ferry, and of the wind, which was always weaker on the left. Then she took the pencil that lay beside \
the book, looked out of the window, and waited for a ship. It was ten minutes past nine. At twenty past nine \
the mail boat came round the cape, low in the water and late; she wrote down its name, the hour and the \
weather, and under it, in smaller letters, that the rain had not come.

By the end of the year the lighthouse was hers. The letter that she sent to Rotterdam was short. "The roof \
is not new," she wrote, "and the stairs are worse than the roof. There are 3 windows that do not open and 1 \
that does not close. The captain says that it will rain. Come in May, and bring paint." Peter came in May, \
and he brought the paint. They painted the door, the table and the chair; they counted the steps again, and \
there were 112 of them; and in the evening, when the light went on, neither of the two said a word about \
the sun.
"""
"""Seven paragraphs with names, numbers, quotes and repeated words."""

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
