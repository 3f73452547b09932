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
    "syntax": Fault("models", "def", "cannot be loaded: SyntaxError: invalid syntax"),
    "lacks": Fault("models", "x = 1", "cannot be loaded: AttributeError: module 'fault_lacks' has no"),
    "malformed": Fault("models", MODEL, "cannot be loaded: ", target="no target!"),
    "function": Fault(
        "models", "def Toy(): pass", "is not a valid model: a model is a class, not function 'Toy'"
    ),
    "wrongkind": Fault("models", TOKENIZER.format(""), "is not a valid model: Toy lacks initial_state and"),
    "methodless": Fault(
        "tokenizers", "class Toy: pass", "is not a valid tokenizer: Toy lacks fit and encode"
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
    "quits": Fault(
        "models",
        MODEL.format("").replace("self.num_calls = 0", "raise SystemExit('enough')"),
        "failed: SystemExit: enough (fault_quits.py, line 9)",
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
    "stateless": Fault("models", MODEL.format("return logits"), "without a state for ids of shape ["),
    "nan": Fault(
        "models",
        MODEL.format("logits = logits * (float('nan') if self.training and self.num_calls > 2 else 1)"),
        "training diverged at update ",
    ),
    "idle": Fault("models", MODEL.format("").replace("nn.Embedding", "torch.zeros"), "neither trainable par"),
    "outside": Fault("tokenizers", TOKENIZER.format("ids = ids + 999"), "returned the id 1"),
    "floats": Fault("tokenizers", TOKENIZER.format("ids = ids / 2"), "1 dimensions of float64, not"),
    "stumbles": Fault(
        "tokenizers",
        TOKENIZER.format("raise KeyError(text[:3])"),
        "failed: KeyError: 'Hun' (fault_stumbles.py, line 8",
    ),
    "nothing": Fault(
        "embeddings",
        "class Toy:\n    frozen = False\n    def vectors(self, train_text, tokens): return None",
        "returned NoneType instead of WordVectors",
    ),
    # --- in ways that hide what is wrong
    "metaclass": Fault(
        "models",
        "class Meta(type):\n    def __getattr__(cls, name): raise RuntimeError(name)\n"
        "class Toy(metaclass=Meta): pass",
        "cannot be loaded: RuntimeError: ",
    ),
    "generatorexit": Fault("models", MODEL.format("raise GeneratorExit"), "failed: GeneratorExit (fault_gen"),
    "unusual": Fault(
        "models",
        "class Unusual(BaseException): pass\n" + MODEL.format("raise Unusual('so')"),
        "failed: Unusual: so (fault_unusual.py, line 16)",
    ),
    "unspeakable": Fault(
        "models",
        "class Mute(Exception):\n    def __str__(self): raise ValueError\n" + MODEL.format("raise Mute"),
        "failed: Mute (fault_unspeakable.py, line 17)",
    ),
    "endless": Fault(
        "models", MODEL.format("raise ValueError('very ' * 9999)"), "failed: ValueError: very ve"
    ),
    "inherits": Fault(
        "models",
        "from textgen_models.recurrent import LSTM\n"
        "class Toy(LSTM):\n    def initial_state(self, batch_size): return None",
        "failed: TypeError: ",
    ),
    "shares": Fault(
        "models",
        MODEL.format("raise RuntimeError('tensors share memory')"),
        "failed: RuntimeError: tensors share memory",
    ),
    "larger": Fault(
        "models",
        MODEL.format("").replace("vocab_size, vocab_size)", "vocab_size, vocab_size + 1)"),
        "tokens; the vocabulary, its first argument, has ",
    ),
    "whole": Fault("models", MODEL.format("logits = logits.long()"), "returned a tensor of torch.int64 for"),
    "many": Fault(
        "models",
        MODEL.format("").replace(
            "    def __init", "    recommended_training = {'batch_size': 'many'}\n    def __init"
        ),
        "recommends an invalid training option: recommended_training: option batch_size=many",
    ),
    "selfish": Fault(
        "aliases", "Toy = 'selfish'", "'selfish', is not a valid entry: unknown entry 'selfish'"
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
