"""Files of other programs, damaged or hostile: vectors, Keras, Hugging Face, lm-eval."""

from __future__ import annotations

import gzip
import json
import random
import shutil
from pathlib import Path

import numpy as np

from textgen_benchmarks.fuzzing.kind import Case, Kind
from textgen_benchmarks.fuzzing.mutations import (
    damage_folder,
    damaged,
    hostile_file,
    hostile_json,
    hostile_value,
)

WORDS = ("the", "cat", "café", "new york", "1.5", "日本", "-", ". . .", "x" * 300)
NUMBERS = (
    "nan",
    "inf",
    "1e999",
    "-1e38",
    "",
    "x",
    "1,5",
    "0x1p3",
    "1_0",
    "9" * 5000,
    "١",
    "1e",
    "--1",
    "5e-324",
)


def as_glove(chance: random.Random) -> bytes:
    """Return vectors as GloVe writes them, in text."""
    rows = (f"{word} {' '.join(f'{chance.gauss(0, 1):.4f}' for _ in range(5))}" for word in WORDS)
    return "\n".join(rows).encode() + b"\n"


def as_word2vec(chance: random.Random) -> bytes:
    """Return vectors as word2vec writes them, in text or binary."""
    head = f"{len(WORDS)} 5\n".encode()
    if chance.random() < 0.4:
        return head + as_glove(chance).replace(b"new york", b"new_york").replace(b". . .", b"...")
    numbers = np.random.default_rng(chance.randrange(99)).normal(size=(len(WORDS), 5)).astype("<f4")
    rows = (
        word.replace(" ", "_").encode() + b" " + row.tobytes()
        for word, row in zip(WORDS, numbers, strict=True)
    )
    return head + b"".join(row + chance.choice((b"", b"\n")) for row in rows)


def vectors(case: Case) -> str | None:
    """Read word vectors that are damaged or odd."""
    from textgen_embeddings.files import read_vectors

    chance = case.chance
    data = chance.choice((as_glove, as_word2vec))(chance)
    for _ in range(chance.choice((0, 1, 1, 2, 3))):
        kind = chance.randrange(6)
        if kind < 2:
            data = damaged(data, chance)
        elif kind == 2:
            fields = data.split(b" ")
            fields[chance.randrange(len(fields))] = chance.choice(NUMBERS).encode()
            data = b" ".join(fields)
        elif kind == 3:
            head = chance.choice(
                (
                    b"3 5",
                    b"999999999 5",
                    b"5 999999999",
                    b"-1 5",
                    b"0 0",
                    b"9 0",
                    b"9" * 5000 + b" 5",
                    b"9 5 1",
                    b"1000000 100000",
                    b"\xef\xbb\xbf9 5",
                    b"9\t5",
                    b" 9 5",
                )
            )
            data = head + b"\n" + data.partition(b"\n")[2]
        elif kind == 4:
            lines = data.split(b"\n")
            chance.shuffle(lines)
            data = b"\n".join(lines + lines[: chance.randint(0, 3)])
        else:
            data = data.replace(
                b"\n", chance.choice((b"\r\n", b"\n\n", b"\0\n", b" \n", b"")), chance.randint(1, 9)
            )
    name = chance.choice(("v.txt", "v.bin", "v.kv", "v.vec", "v.txt.gz", "v.gz"))
    if name.endswith("gz") and chance.random() < 0.9:
        data = gzip.compress(data)
        data = damaged(data, chance) if chance.random() < 0.5 else data
    path = case.place / name
    path.write_bytes(data)
    read = read_vectors(path)
    table = np.asarray(read.table)
    if table.size > 10**6:
        return "memory: more numbers than the file has bytes"
    return None if np.isfinite(table).all() else "unnoticed: vectors with NaN or infinity"


# --- Hugging Face


def make_hugging_face(folder: Path) -> None:
    """Save a tiny GPT-2 and its tokenizer."""
    from helpers.hugging_face import END, byte_level, save_gpt2, save_tokenizer  # type: ignore[import-not-found, unused-ignore]
    from textgen_kit.texts import PROSE

    tokenizer = byte_level(PROSE)
    save_gpt2(folder / "model", tokenizer.get_vocab_size())
    save_tokenizer(tokenizer, folder / "model", bos_token=END, eos_token=END)


def hugging_face(case: Case) -> str | None:
    """Score with a model of Hugging Face that is damaged or hostile; bits are numbers, or it is refused."""
    import torch

    from textgen_models.hugging_face import HuggingFace

    chance = case.chance
    copy = Path(shutil.copytree(case.prepared / "model", case.place / "model"))
    for _ in range(chance.choice((1, 1, 2))):
        if chance.random() < 0.3:
            damage_folder(copy, chance)
        else:
            path = chance.choice(
                sorted(each for each in copy.iterdir() if each.is_file() and not each.is_symlink())
            )
            if path.suffix in (".json", ".safetensors") and chance.random() < 0.8:
                hostile_file(path, chance)
            elif path.suffix == ".json":
                values = json.loads(path.read_bytes())
                key = chance.choice(
                    (
                        "auto_map",
                        "model_type",
                        "architectures",
                        "vocab_size",
                        "n_positions",
                        "torch_dtype",
                        "quantization_config",
                        "tokenizer_class",
                        "added_tokens",
                        "eos_token",
                        "n_layer",
                        "_name_or_path",
                        "attn_implementation",
                        "is_decoder",
                    )
                )
                values[key] = hostile_value(chance)
                path.write_text(json.dumps(values))
    with torch.inference_mode():
        list(  # whose numbers are checked where a yardstick is scored
            HuggingFace(str(copy)).score(["The cat sat.", "on"], torch.device("cpu"), lambda share: None)
        )
    return None


# --- lm-eval


def log(case: Case) -> str | None:
    """Import a log of lm-eval that is damaged or hostile, half of the time against an intact one."""
    from textgen_tools.lm_eval_compared import import_logs

    chance = case.chance
    lines, intact = [], []
    for number in range(chance.randint(1, 6)):
        sample = {
            "doc_id": number,
            "target": "some text",
            "filter": "none",
            "metrics": ["acc", "bits_per_byte"],
            "acc": chance.random(),
            "bits_per_byte": [-chance.random() * 30, 9],
            "doc": {"x": [1, {"y": "z"}]},
        }
        intact.append(json.dumps(sample))
        lines.append(intact[-1] if chance.random() < 0.5 else hostile_json(sample, chance))
    data = "\n".join(lines).encode("utf-8", "surrogatepass")
    data = damaged(data, chance) if chance.random() < 0.3 else data
    name = chance.choice(("samples_task_1.jsonl", "samples_.jsonl", "x.jsonl", "samples_a_b_2026.jsonl"))
    paths = [case.place / folder / name for folder in ("log", "other")]
    for path, content in zip(paths, (data, "\n".join(intact).encode()), strict=True):
        path.parent.mkdir()
        path.write_bytes(content)
    logs = chance.choice((paths, [path.parent for path in paths]))
    result = import_logs(chance.choice((logs, logs[:1])))
    values = [(each.value, each.interval) for each in result.scores]
    values += [(each.value, each.interval) for each in result.differences]
    for value, interval in values:
        if not np.isfinite(value):
            return f"unnoticed: a score of {value}"
        json.dumps([value, interval], allow_nan=False)
    return None


KINDS = (
    Kind("vectors", vectors, 1500),
    Kind("networks of Hugging Face", hugging_face, 250, make_hugging_face, seconds=30),
    Kind("logs of lm-eval", log, 1000),
)
