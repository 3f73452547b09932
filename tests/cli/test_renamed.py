"""What users typed before 0.1.0 is answered in one line with the new name."""

from __future__ import annotations

from pathlib import Path

import pytest

from helpers.commands import cases, run_textgen

TEXT = "".join(f"Fox number {i} jumps over {7 * i} lazy dogs.\n\n" for i in range(80))

NAMES = """
train seed
    entry 'seed' was renamed to 'original' in 0.1.0
train char-seed
    entry 'char-seed': model 'seed' was renamed to 'original' in 0.1.0
train char-random
    entry 'char-random': model 'random' was renamed to 'uniform' in 0.1.0
train random --clean clean
    cleaner 'clean' was renamed to 'prose' in 0.1.0
train random --clean seed
    cleaner 'seed' was renamed to 'letters' in 0.1.0
bench random --sampler repetition
    sampler 'repetition' was renamed to 'dry' in 0.1.0
bench random --sampler mirostat:surprise=3
    sampler 'mirostat': option 'surprise' was renamed to 'tau' in 0.1.0
bench random --sampler mirostat:rate=0.1
    sampler 'mirostat': option 'rate' was renamed to 'eta' in 0.1.0
bench random --sampler dry:span=100
    sampler 'dry': option 'span' was renamed to 'allowed_length' in 0.1.0
train char-lstm:clip_norm=1
    entry 'char-lstm:clip_norm=1': option 'clip_norm' was renamed to 'max_grad_norm' in 0.1.0
train char-lstm:train.warmup=0.1
    entry 'char-lstm:train.warmup=0.1': option 'warmup' was renamed to 'warmup_fraction' in 0.1.0
plugins show repetition
    sampler 'repetition' was renamed to 'dry' in 0.1.0
train bpe-gru:final_learning_rate=
    entry 'bpe-gru:final_learning_rate=': option 'final_learning_rate' was renamed to 'min_lr_factor' in 0.1.0
train char-lstm:warmup=0.1
    entry 'char-lstm:warmup=0.1': option 'warmup' was renamed to 'warmup_fraction' in 0.1.0
suite seed
    suite 'seed' was renamed to 'original' in 0.1.0; or give a TOML file
"""


@pytest.mark.parametrize(("command", "message", "code"), cases(NAMES, 1))
def test_an_old_name_is_answered_with_the_new_one(
    command: str, message: str, code: int, tmp_path: Path
) -> None:
    (tmp_path / "text.txt").write_text(TEXT)
    words = command.split()
    if words[0] in ("train", "bench"):
        words += ["--corpus", "text.txt"]
    done = run_textgen(*words, code=code, cwd=tmp_path)
    assert done.stderr == f"error: {message}\n"
    assert done.stdout == ""
