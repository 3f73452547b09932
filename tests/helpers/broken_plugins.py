"""Plugins that are broken in every way, and what has to be said of each."""

from __future__ import annotations

from dataclasses import dataclass

from helpers.plugins import TOY_MODEL as MODEL

TOKENIZER = """
import numpy
from textgen_tokenizers.char import CharTokenizer

class Toy(CharTokenizer):
    def encode(self, text):
        ids = super().encode(text)
        {}
        return ids
"""


@dataclass(frozen=True)
class Fault:
    """A distribution with one plugin, what is tried with it, and what must be said."""

    kind: str
    code: str
    reason: str
    target: str = ""
    requires: str = ""


FAULTS = {
    # --- while it is loaded
    "imports": Fault("models", "import no_such_module", "cannot be loaded: ModuleNotFoundError: No module"),
    "exits": Fault("models", "raise SystemExit(3)", "cannot be loaded: SystemExit: 3"),
    "function": Fault(
        "models", "def Toy(): pass", "is not a valid model: a model is a class, not function 'Toy'"
    ),
    "old": Fault("models", MODEL.format(""), "old requires textgen-bench<0.1,", requires="textgen-bench<0.1"),
    "gru": Fault("models", MODEL.format(""), "is claimed by gru (fault_gru:Toy) and textgen-"),
    "options": Fault(
        "models",
        MODEL.format("").replace("vocab_size)", "vocab_size, *, size: 'Nonsense' = 1)", 1),
        "has options that cannot be read: NameError: name 'Nonsense' is not defined",
    ),
    # --- while it is built
    "refuses": Fault(
        "models",
        MODEL.format("").replace("self.num_calls = 0", "raise TypeError('too small')"),
        "failed: TypeError: too small (fault_refuses.py, line 9)",
    ),
    "recommends": Fault(
        "models",
        MODEL.format("").replace(
            "    def __init", "    recommended_training = {'batches': 3}\n    def __init"
        ),
        "recommends an invalid training option: ",
    ),
    # --- in the middle of its work
    "raises": Fault(
        "models",
        MODEL.format("if self.num_calls == 5: raise ValueError('two\\nlines')"),
        "failed: ValueError: two lines (fault_raises.py, line 15)",
    ),
    "leaves": Fault(
        "models",
        MODEL.format("if self.num_calls == 5: raise SystemExit"),
        "failed: SystemExit (fault_leaves.py, line 15)",
    ),
    "shape": Fault("models", MODEL.format("logits = logits[:, :-1]"), "returned a tensor of shape ["),
    "nan": Fault(
        "models",
        MODEL.format("logits = logits * (float('nan') if self.training and self.num_calls > 2 else 1)"),
        "training diverged at update ",
    ),
    "idle": Fault("models", MODEL.format("").replace("nn.Embedding", "torch.zeros"), "neither trainable par"),
    "outside": Fault("tokenizers", TOKENIZER.format("ids = ids + 999"), "returned the id 1"),
    "nothing": Fault(
        "embeddings",
        "class Toy:\n    frozen = False\n    def vectors(self, train_text, tokens): return None",
        "returned NoneType instead of WordVectors",
    ),
    # --- in ways that hide what is wrong
    "unspeakable": Fault(
        "models",
        "class Mute(Exception):\n    def __str__(self): raise ValueError\n" + MODEL.format("raise Mute"),
        "failed: Mute (fault_unspeakable.py, line 17)",
    ),
    # --- what is not named in an entry
    "lexicon": Fault("lexicons", "def Toy(): return 1 / 0", "failed: ZeroDivisionError: division by zero"),
    "alias": Fault("aliases", "Toy = 3", "is not a valid alias: an alias is a string, not int 3"),
    "reference": Fault(
        "references", "Toy = 3", "is not a valid reference: a reference is the name of an entry, not int 3"
    ),
    "sampler": Fault(
        "samplers",
        "class Toy:\n    def __call__(self, logits, uniforms): return logits",
        "returned torch.float32 [3, 4] instead of ids [3]",
    ),
    "corpus": Fault(
        "corpora", "class Toy:\n    def read(self, item): return b'bytes'", "returned bytes instead of a text"
    ),
    "cleaner": Fault(
        "cleaners", "class Toy:\n    def clean(self, text): return text + 1", "failed: TypeError: can only"
    ),
    "talks": Fault("models", "print('hello')\n" + MODEL.format("print('again')"), ""),
}
