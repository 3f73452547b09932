"""Tiny models and tokenizers in the format of Hugging Face, made here and saved in a folder."""

from __future__ import annotations

from pathlib import Path

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

END = "<|endoftext|>"
CONTEXT = 32


def byte_level(text: str, vocab_size: int = 400) -> Tokenizer:
    """Byte-level BPE as in GPT-2, trained on a text."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size, special_tokens=[END], initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator([text], trainer)
    return tokenizer


def lower_case(text: str) -> Tokenizer:
    """The same after a normalizer that loses capitals."""
    tokenizer = byte_level(text)
    tokenizer.normalizer = normalizers.Lowercase()
    return tokenizer


def word_pieces(text: str) -> Tokenizer:
    """Words in lower case without the space between them, and one token for those that are unknown."""
    tokenizer = Tokenizer(models.WordLevel(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.train_from_iterator(
        [text], trainers.WordLevelTrainer(vocab_size=200, special_tokens=["[UNK]"], show_progress=False)
    )
    return tokenizer


def sentence_pieces(text: str) -> Tokenizer:
    """BPE with a mark for each space, one before the text, and bytes for other characters, as in Llama."""
    tokenizer = Tokenizer(models.BPE(byte_fallback=True))
    marks = [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]
    tokenizer.normalizer = normalizers.Sequence(marks)
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    values = [f"<0x{value:02X}>" for value in range(256)]
    trainer = trainers.BpeTrainer(vocab_size=500, special_tokens=values, show_progress=False)
    tokenizer.train_from_iterator(text.split(), trainer)
    return tokenizer


def save_tokenizer(tokenizer: Tokenizer, folder: Path, **special: str) -> None:
    """Save a tokenizer as `transformers` does, with its special tokens."""
    from transformers import PreTrainedTokenizerFast

    PreTrainedTokenizerFast(tokenizer_object=tokenizer, **special).save_pretrained(folder)


def save_gpt2(folder: Path, vocab_size: int) -> None:
    """Save a GPT-2 of two layers with random weights, large enough that its predictions differ."""
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel, logging

    logging.disable_progress_bar()
    torch.manual_seed(0)
    size = {"n_embd": 32, "n_layer": 2, "n_head": 2, "initializer_range": 0.2}
    config = GPT2Config(vocab_size=vocab_size, n_positions=CONTEXT, bos_token_id=0, eos_token_id=0, **size)
    GPT2LMHeadModel(config).save_pretrained(folder)
