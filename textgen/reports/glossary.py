"""What the numbers of reports mean, for pages."""

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
        "hardly has them. It spells them, and each letter costs bits."
    ),
    "Perplexity per word": (
        "the same surprise, as a number of equally likely words; compare it within one text only."
    ),
}

HINTS = {
    "bits_per_char": "surprise at each next character, on average; lower is better",
    "interval": "95 %: how far the score would change on other passages of this text and with other seeds",
    "above_best": "bits per character more than the best entry of the class",
    "difference_interval": "95 %: how far the difference would change on other passages and with other seeds",
    "verdict": "clearly: more than chance explains at 5 %, corrected for the number of pairs",
    "bits_per_byte": "the same surprise for each byte of UTF-8, as papers on bytes have it",
    "nats_per_char": "the same surprise in natural units: bits times 0.693",
    "perplexity_per_word": "the same surprise as a number of equally likely words; compare within one text",
    "validation_bits_per_char": "the score on the text that chose the best weights",
    "oov_bits": "words that the training text lacks, unless the caption says otherwise",
    "bits_per_char_without_oov": "the score if words outside the vocabulary cost nothing, which flatters",
    "oov_rate": "share of words outside the entry's own vocabulary",
    "temperature": "below 1 likely tokens become likelier, above 1 less likely",
    "entropy_per_char": "how free the choice of each written character was",
    "state_bytes": "what the model remembers of what it has read",
    "cpu_utilization": "share of the CPU time that training wanted and got; below 80 % the machine was busy",
}
"""What columns mean, by their names, for those who point at their headers."""
