"""Commands that cannot succeed, and the one line that each must print; an ellipsis is any text."""

from __future__ import annotations

FAILURES = """
train TINY --corpus missing.txt
    no such file: missing.txt; give a path, - for standard input, or a corpus: …
train TINY --corpus leee
    unknown corpus 'leee'; did you mean 'lee'? known: …; or give the path of a file
train TINY --corpus gutenberg/austen-ema
    unknown gutenberg book 'austen-ema'; did you mean 'austen-emma.txt'? known: …
train TINY --corpus empty.txt
    empty.txt is empty; give a text
train TINY --corpus blank.txt
    blank.txt contains only white space; give a text
train TINY --corpus short.txt
    the text is too short to split 90/5/5: … characters; give at least 400, or change --split
train TINY --corpus GOOD --max-chars 0
    cannot cut the corpus to 0 characters; give 1 to 1,000,000,000,000,000
train TINY --corpus markup.txt
    nothing of markup.txt remains after the cleaner 'prose'; try --clean raw
train TINY --corpus binary
    binary is binary (a zero byte at offset 0); give a plain text file
train TINY --corpus latin.txt --encoding utf-8
    latin.txt is not utf-8: byte 0xE9 at offset 24; give its encoding, for example --encoding latin-1 …
train TINY --corpus latin.txt:body
    latin.txt has no fields such as 'body'; leave it out, or give …
train TINY --corpus GOOD --split documents
    the text has 1 document, too few to keep them whole in 3 parts; …
train TINY --corpus GOOD --encoding utf9
    unknown text encoding 'utf9'; use utf-8, latin-1, cp1252 or utf-16, for example
train TINY --corpus GOOD --clean porse
    unknown cleaner 'porse'; did you mean 'prose'? known: letters, prose, raw
train TINY --corpus GOOD --split 50/50/50
    invalid split '50/50/50'; give percentages such as 90/5/5 of train, validation and test, 90/10 to …
train TINY --corpus GOOD --split 95/5/0
    the split 95/5/0 has no test part; give one, as by 90/5/5, or score a text that is sealed
score RUN missing.txt
    no such file: missing.txt; give a path, - for standard input, or a corpus: …
corpus missing.txt
    no such file: missing.txt; …

train randm
    unknown entry 'randm'; did you mean 'random'? known: original, random; or write …
train char-lstn
    entry 'char-lstn': unknown model 'lstn'; did you mean 'lstm'? known: gru, hier, lstm, …, words
train word-lstm-glove-word2vec
    entry 'word-lstm-glove-word2vec' has too many parts; write <tokenizer>-<model>[+<model>…][-<embedding>]
train char-ngram:batch_size=9
    entry 'char-ngram:batch_size=9': batch_size has no effect on the model 'ngram', which is not trained …
train char-lstm+ngram+lstm
    entry 'char-lstm+ngram+lstm': model 'lstm' is there twice; a mixture has different models
train 3*char-ngram
    entry '3*char-ngram': copies of 'ngram' would be equal, since it is not trained by gradient descent; …
train char-lstm+gru:num_layers=1
    entry 'char-lstm+gru:num_layers=1': option 'num_layers' belongs to two parts; write lstm.num_layers=1 or …
train char-uniform-glove
    entry 'char-uniform-glove': model 'uniform' takes no embedding; leave it out
train random-glove
    entry 'random-glove': unknown tokenizer 'random'; …; random is a whole entry, so it combines with nothing
describe randm
    unknown entry 'randm'; did you mean 'random'? …
train lstm
    'lstm' is only a model; did you mean bpe-lstm or byte-lstm or char-lstm or …?
train char-lstm:hiden_size=3
    entry 'char-lstm:hiden_size=3': unknown option 'hiden_size'; did you mean 'hidden_size'? known: …
train char-lstm:hidden_size
    entry 'char-lstm:hidden_size': cannot read option 'hidden_size'; write option=value, separated by commas
train char-lstm:dropout=0,dropout=0.5
    entry 'char-lstm:dropout=0,dropout=0.5': option 'dropout' is given twice; leave one of them out
train char-lstm:hidden_size=0
    entry '…': lstm option hidden_size=0: input should be greater than or equal to 1 (the default is 256)
train char-lstm:learning_rate=inf
    entry '…': training option learning_rate=inf: input should be a finite number (the default is none)
train char-lstm:num_layers=1000000
    entry '…': lstm option num_layers=1000000: input should be less than or equal to 1000 (the default is 3)
bench random --sampler top-q
    unknown sampler 'top-q'; did you mean 'top-p'? known: dry, greedy, …
bench random --sampler temperature=0.5
    sampler 'temperature=0.5': options follow a colon; write temperature:temperature=0.5
bench random --sampler top-p:p=7
    sampler 'top-p' option p=7: input should be less than or equal to 1 (the default is 0.95)
suite improvments
    unknown suite 'improvments'; did you mean 'improvements'? known: …; or give a TOML file
suite GOOD
    cannot read the suite 'good.txt': …

train TINY --device gpu
    unknown device 'gpu'; known: auto, cpu, cuda, mps, cuda:1
train TINY --device cuda:99
    device 'cuda:99' cannot be used: …; try --device cpu
train TINY --precision fp8
    unknown precision 'fp8'; known: auto, fp32, bf16, fp16
train TINY --budget 60
    budget '60': give a positive amount with a unit, such as 60s, 5m, 5epochs or 20Mchars
bench random --budget 15s,2epochs
    budget '2epochs,15s' has epochs and seconds; give all of its budgets in one unit
train char-lstm --budget 15s,1m
    budget '15s,1m': only bench and suite take several; give one, such as 60s
train char-lstm --budget 99999999999999999999h
    budget '99999999999999999999h': at most 1,000,000,000 seconds are allowed; give less

train TINY --out file
    'file' exists already; choose another folder (--out)
bench TINY --out file
    cannot write to folder 'file': File exists; choose another folder (--out)
train TINY --out .
    '.' is the current folder; name a new one for the run (--out)

train word-lstm-glove:path=missing.vec
    cannot read the word vectors missing.vec: No such file or directory; check path=
train word-lstm-glove:path=cut.vec
    word vectors cut.vec: cut off: its header promises 100 words, but it has 2; get it again
train word-lstm-glove:path=foreign.vec
    vectors of glove match no token of this vocabulary; …, or vectors in the language of the text

describe word-lstm-glove --vocab-size 32
    entry 'word-lstm-glove': the vectors of glove need a text; leave out --vocab-size or the embedding
sample nowhere
    no run 'nowhere'; textgen runs lists those under 'runs'
sample file
    no run in 'file'; textgen runs lists those under 'runs'
runs show nowhere
    no result 'nowhere'; textgen runs lists those under 'runs'
runs show no-json
    'no-json/run.json' cannot be read: …
runs open run
    'run' is a single run, without a report; see textgen runs show run
runs --root nowhere
    there is no folder 'nowhere'
sample cut-weights
    run 'cut-weights' is damaged, or of another version of textgen (…); train it again
sample other-tokenizer
    run 'other-tokenizer' is damaged, or of another version of textgen (…); train it again
sample no-json
    run 'no-json' is damaged, or of another version of textgen (… cannot be read: …); train it again
sample from-later
    'from-later/run.json' was written by a newer textgen (schema version 99); update textgen, which reads 3
"""

# What is wrong with the command line itself is worded by Typer.
USAGE_ERRORS = """
bench TINY --out=
    --out is empty; name a folder, or leave it out
runs remove run
    nothing is removed without asking; give --yes
runs --json show run
    --json has no effect before 'show'; write it after 'show'
train
    Missing argument '…' (see textgen train --help)
bench random --sampler greedy --temperature 0.5
    give --sampler or --temperature, not both; …
sample RUN The
    Got unexpected extra argument(s) (The) (see textgen sample --help)
sample RUN --new
    --unique and --new need --until line, sentence or paragraph
train TINY random
    Got unexpected extra argument(s) (random) (see textgen train --help)
bnech
    No such command 'bnech'. …bench… (see textgen --help)
help
    No such command 'help'. Did you mean 'textgen --help'? (see textgen --help)
bench TINY --corpsu GOOD
    No such option: --corpsu …--corpus…
bench TINY --seeds 0
    Invalid value for '--seeds': … (see textgen … --help)
sample RUN --seed 4294967296
    Invalid value for '--seed': … (see textgen … --help)
"""
