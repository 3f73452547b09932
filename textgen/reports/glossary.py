"""What the numbers of reports mean, for pages."""

DEFINITION = (
    "Bits per character: how surprised a model is by each next character of text that it has never seen, on "
    "average; lower is better. At 1 bit it is as unsure as between two equally likely characters, at 2 bits "
    "as between four."
)
"""The unit of every score, below the answer."""

HINTS = {
    "bits_per_char": "surprise at each next character, on average; lower is better",
    "interval": "95 %: how far the score would change on other passages of this text and with other seeds",
    "above_best": "bits per character more than the best entry of the class",
    "difference_interval": "95 %, paired: how far it would change on other passages and with other seeds",
    "verdict": "clearly: more than chance explains at 5 %, paired, corrected for the number of pairs",
    "bits_per_byte": "the same surprise for each byte of UTF-8, as papers on bytes have it",
    "nats_per_char": "the same surprise in natural units: bits times 0.693",
    "perplexity_per_word": "the same surprise as a number of equally likely words; compare within one text",
    "validation_bits_per_char": "the score on the text that chose the best weights",
    "known_words_bits": "bits that words of the training text cost",
    "new_words_bits": "bits that words cost which the training text lacks, the same words for all entries",
    "oov_bits": "bits that words cost which the entry's own vocabulary lacks",
    "sum_of_bits": "the score",
    "bits_per_char_without_oov": "the score if words outside the vocabulary cost nothing, which flatters",
    "oov_rate": "share of words outside the entry's own vocabulary",
    "temperature": "below 1 likely tokens become likelier, above 1 less likely",
    "entropy_per_char": "how free the choice of each written character was",
    "trained_chars_per_second": "characters of training text read per second",
    "train_chars_per_second": "characters of training text read per second",
    "num_chars": "characters read in training, those of later rounds through the text counted again",
    "num_epochs": "how often training went through the text",
    "num_updates": "how often training changed the weights",
    "best_update": "the update whose weights are kept, those best on the validation text",
    "prepare_seconds": "tokenizing the training text and making word vectors",
    "state_bytes": "what the model carries from one token to the next: its memory of what it has read",
    "vocab_size": "different tokens",
    "num_parameters": "numbers that training sets",
    "num_frozen_parameters": "parameters that training leaves unchanged",
    "learning_rate": "the largest size of the steps of training",
    "momentum": "how far a step goes on in the direction of the last ones",
    "sequence_length": "tokens between two updates of the weights",
    "cpu_utilization": "share of the CPU time that training wanted and got; below 80 % the machine was busy",
}
"""What columns mean, by their names, for those who point at their headers."""
