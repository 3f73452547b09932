"""What the numbers of a comparison mean, for a reader who has never seen them."""

DEFINITION = (
    "Bits per character: how surprised a model is by each next character of text that it has never seen, on "
    "average; lower is better. At 1 bit it is as unsure as between two equally likely characters, at 2 bits "
    "as between four."
)
"""The unit of every score, below the answer."""

TERMS = {
    "Bits per character": (
        "how much a model is surprised by the next character, on average; lower is better. Pure chance among "
        "64 characters needs 6. It is the same for models of characters and of words, so it compares them."
    ),
    "95 % interval": (
        "how far a score would change on other passages of this text and with other random seeds. Of such "
        "intervals, 95 in 100 contain what they are about."
    ),
    "OOV words": (
        "out of vocabulary: words that a model of words cannot name, since the training text lacks them or "
        "hardly has them. It spells them, and pays for each letter."
    ),
    "Perplexity per word": (
        "the same surprise, as a number of equally likely words; compare it within one text only."
    ),
}
