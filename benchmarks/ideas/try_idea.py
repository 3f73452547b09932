"""One training run with variants; appends a line of JSON. Usage: exp.py TEXT ENTRY BUDGET SEED VARIANTS OUT"""
import sys, time, json, math, os
text, entry_name, budget, seed, variants, out = sys.argv[1:7]
X = {v.partition('=')[0]: v.partition('=')[2] for v in variants.split(',') if v and v != 'base'}
from textgen.runtime.process_setup import keep_freed_memory
keep_freed_memory()
import numpy as np, torch
from torch import nn
from torch.nn import functional as F
torch.set_num_threads(1)
from dataclasses import replace
import textgen.library.corpus as LC
from textgen.experiment import experiment as E
from textgen.experiment.entry_parser import parse_entry
from textgen.runtime.device import choose_device
from textgen.training.budget import parse_budget
from textgen.training import optimizer as O, schedule as S, trainer as T, loop as L, mixture_training as MT, batches as B
from textgen.training.validation import Validation
from textgen_models import recurrent as R
from textgen_tokenizers import word as W, bpe as P
from textgen_models.dropout import RowDropout
from collections import Counter

D='data/'
TEXTS = {'wiki': 'wiki', 'novel': D+'austen-dev.txt', 'ts': D+'tinyshakespeare.txt'}
# ---------------------------------------------------------------- optimizer
JORDAN = [(3.4445, -4.7750, 2.0315)] * 3
POLAR = [(8.156554524902461, -22.48329292557795, 15.878769915207462), (4.042929935166739, -2.808917465908714, 0.5000178451051316),
         (3.8916678022926607, -2.772484153217685, 0.5060648178503393)]
def orth(matrices):
    coeffs = POLAR if 'polar' in X else JORDAN
    coeffs = coeffs[: int(X.get('ns', X.get('polar') or 3))]
    is_tall = matrices.shape[1] > matrices.shape[2]
    r = matrices.mT if is_tall else matrices
    r = r / (torch.linalg.vector_norm(r, dim=(1, 2), keepdim=True) * (1.02 if 'polar' in X else 1) + 1e-7)
    for a, b, c in coeffs:
        sq = r @ r.mT
        r = torch.baddbmm(r, torch.baddbmm(sq, sq, sq, beta=b, alpha=c), r, beta=a)
    if 'fro' in X:
        r = r * (float(X['fro'] or 1) * r.shape[1] ** 0.5 / (torch.linalg.vector_norm(r.float(), dim=(1, 2), keepdim=True) + 1e-7)).to(r.dtype)
    if os.environ.get('RMSLOG'): print('rms', [round(float(torch.linalg.vector_norm(v.float()) / v.shape[0] ** 0.5), 3) for v in r[::6]])
    return r.mT if is_tall else r
if {'polar', 'ns', 'fro'} & X.keys():
    O.orthogonalise = orth
if {'normuon', 'cautious'} & X.keys():
    from collections import defaultdict
    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            by_shape = defaultdict(list)
            for p in group['params']:
                if p.grad is not None:
                    blocks = self._direction(p, group['momentum'])
                    by_shape[blocks.shape[1:]].append((p, blocks))
            for (nr, nc), members in by_shape.items():
                ups = torch.split(O.orthogonalise(torch.cat([b for _, b in members])), [len(b) for _, b in members])
                size = O.UPDATE_RMS * max(nr, nc) ** 0.5
                for (p, _), u in zip(members, ups):
                    u = u.reshape(p.shape).float()
                    if 'normuon' in X:
                        st = self.state[p]
                        ms = u.square().mean(1, keepdim=True)
                        if 'second' not in st: st['second'] = torch.zeros_like(ms); st['n'] = 0
                        st['n'] += 1
                        st['second'].lerp_(ms, 0.05)
                        norm = u.norm()
                        u = u / ((st['second'] / (1 - 0.95 ** st['n'])).sqrt() + 1e-8)
                        u = u * (norm / (u.norm() + 1e-8))
                    decay = group['lr'] * group['weight_decay']
                    if 'cautious' in X:
                        p.sub_(p * (u * p > 0), alpha=decay)
                    else:
                        p.mul_(1 - decay)
                    p.add_(u, alpha=-group['lr'] * size)
    O.Muon.step = step
if 'urms' in X: O.UPDATE_RMS = float(X['urms'])
if 'adamlr' in X:
    old_rates = T.Trainer._set_rates
    def set_rates(self, fraction):
        old_rates(self, fraction)
        for o in self.optimizers:
            if not isinstance(o, O.Muon):
                for g in o.param_groups: g['lr'] *= float(X['adamlr'])
    T.Trainer._set_rates = set_rates
if 'rate' in X: S.RATE = float(X['rate'])
# ---------------------------------------------------------------- schedule
if 'grow' in X:
    lengths = [int(v) for v in (X['grow'] or '16-32-64').split('-')]
    S.Schedule.sequence_length = lambda self, fraction, steps: lengths[min(int(fraction * len(lengths)), len(lengths) - 1)]
    old_tr = MT.TrainingPlan.trainer
    def tr(self, name):
        o = replace(self.options[name], sequence_length=max(lengths))
        return old_tr(replace(self, options={**self.options, name: o}), name)
    MT.TrainingPlan.trainer = tr
if 'growb' in X:
    first, at = (float(v) for v in (X['growb'] or '48-0.33').split('-'))
    class Batches(B.ContiguousBatches):
        num_epochs = property(lambda self: self.num_tokens / len(self.ids))
    MT.ContiguousBatches = Batches
    MT.TrainingPlan.num_streams = lambda self, name: int(first)
    old_su = T.Trainer.start_update
    def su(self, fraction):
        b = self.batches
        if fraction >= at and b.batch_size == int(first):
            new = Batches(b.ids, 96, b.sequence_length, b.seed + 1)
            new.num_steps = b.num_tokens // new.batch_size
            self.batches, self.carried = new, None
        old_su(self, fraction)
    T.Trainer.start_update = su
if 'shape' in X:  # decay of the learning rate
    def height(self, fraction):
        warm = self.options.warmup_fraction
        if fraction < warm: return max(fraction / warm, 0.01)
        x = min(1.0, (fraction - warm) / (1 - warm))
        k = X['shape']
        if k == 'cos': return 0.5 * (1 + math.cos(math.pi * x))
        if k == 'wsd': return min(1.0, (1 - x) / 0.6)
        if k == 'pow': return (1 - x) ** 1.5
    S.Schedule._height = height
if 'tail' in X:
    horizon, begin = 0.07, float(X['tail'] or 0.6)
    old_after = L.TrainingLoop.after_update
    def after(self):
        point = old_after(self)
        if self.fraction >= begin:
            sd = self.trainer.model.module.state_dict()
            if not hasattr(self, 'ema'):
                self.ema = {k: v.clone() for k, v in sd.items()}; self.first = self.trainer.num_updates
                self.total = self.trainer.num_updates / self.fraction
            beta = min(1 / (horizon * self.total), 1.0)
            for k, v in sd.items():
                if v.is_floating_point(): self.ema[k].lerp_(v, beta)
        return point
    L.TrainingLoop.after_update = after
    old_result = L.TrainingLoop.result
    def result(self):
        m = self.trainer.model.module
        last = {k: v.clone() for k, v in m.state_dict().items()}
        scores = {}
        m.eval()
        for alpha in (0.0, 0.25, 0.5, 0.75, 1.0):
            mixed = {k: torch.lerp(v, self.ema[k], alpha) if v.is_floating_point() else v for k, v in last.items()}
            m.load_state_dict(mixed); scores[alpha] = float(self.validate())
            if scores[alpha] < self.best_bits: self.best_bits, self.best_weights = scores[alpha], mixed
        EXTRA['tail'] = scores
        return old_result(self)
    L.TrainingLoop.result = result
EXTRA = {}
# ---------------------------------------------------------------- tokens
MARKS = ('\ue000', '\ue001')
if 'case' in X:
    lower_known = set()
    plain = W.split_words
    def mark(pieces):
        res = []
        for p in pieces:
            w = p.lstrip(' ')
            low = p.lower()
            if w[:1].isupper() and low in lower_known and len(low) == len(p):
                rest = w[1:]
                if rest == rest.lower() and low[:len(p)-len(w)] + low[len(p)-len(w)].upper() + low[len(p)-len(w)+1:] == p:
                    res += [MARKS[0], low]; continue
                if len(w) > 1 and w == w.upper() and low.upper() == p:
                    res += [MARKS[1], low]; continue
            res.append(p)
        return res
    state = {'fit': False}
    def learn(text):
        counts = Counter(plain(text))
        if X['case'] == 'all':
            lower_known.update(p.lower() for p in counts)
        else:
            lower_known.update(p for p, n in counts.items() if n >= 2 and p == p.lower())
    def pieces(self, text):
        return mark(plain(text))
    W.WordTokenizer._pieces = pieces
    P.split_words = lambda text: mark(plain(text))
    old_count = W.WordCounter.count
    def count(self, text): return Counter(mark(plain(text)))
    W.WordCounter.count = count
    from textgen.experiment import encoding as EN
    old_fe = EN.fit_and_encode
    from textgen.data import bound_tokenizer as BT
    def fe(tokenizer, identity, text):
        learn(str(text))
        parts = [str(text)]
        tok = tokenizer
        return old_fe(tokenizer, identity, text)
    EN.fit_and_encode = fe
# ---------------------------------------------------------------- models
if 'bigram' in X:
    rows_n, dim = (int(v) for v in (X['bigram'] or '16384-64').split('-'))
    where = X.get('where', 'io')
    old_init = R.RecurrentModel.__init__
    def init(self, vocab_size, **k):
        old_init(self, vocab_size, **k)
        self.pair_rows = vocab_size ** 2 if vocab_size ** 2 <= rows_n else rows_n
        self.v = vocab_size
        self.pairs = nn.Embedding(self.pair_rows, dim); nn.init.zeros_(self.pairs.weight)
        self.pair_drop = RowDropout(None)
        ins = [l.input_size for l in self.layers] if 'i' in where else []
        self.to_in = nn.ModuleList([nn.Linear(dim, s, bias=False) for s in ins])
        self.to_out = nn.Linear(dim, self.hidden_size, bias=False)
        for l in [*self.to_in, self.to_out]: nn.init.normal_(l.weight, std=dim ** -0.5)
    import functools
    init = functools.wraps(old_init)(init)
    R.RecurrentModel.__init__ = init
    R.LSTM.initial_state = lambda self, n: (self.input.weight.new_zeros(n, self.num_layers, self.hidden_size),) * 2 + (torch.zeros(n, dtype=torch.int64),)
    def features(self, ids, state):
        features = self.input(ids) * math.sqrt(self.input.size)
        hidden, cell = (part.transpose(0, 1).contiguous() for part in state[:2])
        prev = torch.cat([state[2][:, None], ids[:, :-1]], 1)
        h = prev * self.v + ids
        rows = h if self.pair_rows == self.v ** 2 else ((h * 6364136223846793005) >> 33) % self.pair_rows
        pair = self.pair_drop(self.pairs(rows), rows, self.pair_rows)
        results, lh, lc = [], [], []
        for index, layer in enumerate(self.layers):
            x = features + self.to_in[index](pair) if len(self.to_in) else features
            outputs, (h1, c1) = layer(self.dropout(x), (hidden[index, None], cell[index, None]))
            features = R.OUTPUT_GAIN * outputs
            results.append(features); lh.append(h1[0]); lc.append(c1[0])
        shown = self.shown(results)
        if 'o' in where: shown = shown + self.dropout(self.to_out(pair))
        return shown, (torch.stack(lh, 1), torch.stack(lc, 1), ids[:, -1])
    R.LSTM.features = features
if 'logs' in X:  # the output starts from the log-probabilities after 1 (or 2) tokens
    order = int(X['logs'] or 1)
    from textgen.nn import layers as LA
    def offsets(ids, v):
        ids = np.asarray(ids, np.int64)
        uni = np.bincount(ids, minlength=v) + 0.5
        base = np.repeat((uni / uni.sum())[None], 1, 0)
        tables = []
        lower = None
        ctx = ids[:-1]; nxt = ids[1:]
        c1 = np.zeros((v, v)); np.add.at(c1, (ctx, nxt), 1)
        def smooth(c, lower):  # Witten-Bell
            n = c.sum(1, keepdims=True); t = (c > 0).sum(1, keepdims=True)
            lam = n / np.maximum(n + t, 1)
            return (c + np.maximum(t, 1) * lower) / (n + np.maximum(t, 1))
        p1 = smooth(c1, base)
        if order == 1: return p1, None, None
        key = ids[:-2] * v + ids[1:-1]
        distinct, inv = np.unique(key, return_inverse=True)
        c2 = np.zeros((len(distinct), v)); np.add.at(c2, (inv, ids[2:]), 1)
        return p1, distinct, smooth(c2, p1[distinct % v])
    old_init = R.RecurrentModel.__init__
    R.LSTM.initial_state = lambda self, n: (self.input.weight.new_zeros(n, self.num_layers, self.hidden_size),) * 2 + (torch.zeros(n, dtype=torch.int64),)
    old_features = R.LSTM.features
    def features(self, ids, state):
        f, s = old_features(self, ids, state[:2])
        return f, (*s, ids[:, -1])
    R.LSTM.features = features
    def logits_of(self, ids, state):
        f, s = self.features(ids, state)
        logits = self.output(f).float()
        if hasattr(self, 'logp1'):
            extra = self.logp1[ids]
            if order == 2:
                prev = torch.cat([state[2][:, None], ids[:, :-1]], 1)
                key = prev * len(self.logp1) + ids
                place = torch.searchsorted(self.keys, key).clamp(max=len(self.keys) - 1)
                found = self.keys[place] == key
                extra = torch.where(found[..., None], self.logp2[place], extra)
            logits = logits + self.mult * extra
        return logits, s
    R.LSTM.forward = logits_of
    def loss(self, ids, targets, state):
        logits, s = logits_of(self, ids, state)
        return F.cross_entropy(logits.flatten(0, 1), targets.flatten()), s
    R.LSTM.loss = loss
    def install(plan):
        for m in plan.members.values():
            mod = m.module
            if isinstance(mod, R.LSTM):
                p1, keys, p2 = offsets(plan.train_ids, m.vocab_size)
                mod.logp1 = torch.from_numpy(np.log(p1)).float()
                if keys is not None: mod.keys, mod.logp2 = torch.from_numpy(keys), torch.from_numpy(np.log(p2)).float()
                mod.mult = nn.Parameter(torch.ones(()))
                def start(counts, mod=mod):
                    mod.parameters_per_token = LA.num_parameters(mod) / max(1.0, float(counts.sum()))
                mod.set_token_counts = start
                R.LSTM.set_token_counts = lambda self, counts: setattr(self, 'parameters_per_token', LA.num_parameters(self) / max(1.0, float(counts.sum())))
if 'prefix' in X:
    weight = float(X['prefix'] or 0.2)
    def loss(self, ids, targets, state):
        f, s = self.features(ids, state)
        main = self.output.loss(f, targets)
        if self.training and hasattr(self, 'classes'):
            aux = F.cross_entropy(self.aux(f).flatten(0, 1).float(), self.classes[targets].flatten())
            main = main + weight * aux
        return main, s
    R.LSTM.loss = loss
if 'pad' in X:  # vectors get further, trained dimensions
    from textgen.nn import layers as LA2
    old_te = LA2.TokenEmbedding.__init__
    def te(self, vocab_size, size, vectors=None):
        if vectors is not None:
            extra = torch.zeros(len(vectors.table), int(X['pad']))
            n = vectors.table.shape[1]
            wide = torch.cat([vectors.table * ((n + int(X['pad'])) / n) ** 0.5, extra], 1)
            vectors = replace(vectors, table=wide)
        old_te(self, vocab_size, size, vectors)
    LA2.TokenEmbedding.__init__ = te
if 'scan' in X:
    import scan_model, inspect
    R.LSTM = scan_model.Scan
# ---------------------------------------------------------------- run
config = choose_device('cpu', 'auto')
corpus = LC.load_corpus(TEXTS[text])
entry = parse_entry(entry_name)
t0 = time.time()
ex = E.Experiment(entry, corpus, parse_budget(budget), config, int(seed))
prepared = ex._prepare(lambda s: None, None)
plan = prepared.plan
plan = replace(plan, options={k: replace(o, num_validations=5) for k, o in plan.options.items()})
if 'logs' in X: install(plan)
if 'prefix' in X:
    toks = prepared.tokenizer.tokens
    fall = prepared.tokenizer.vocabulary.fallback
    for m in plan.members.values():
        if isinstance(m.module, R.LSTM):
            names = [t[:3] if not f else t[:1] + '#' for t, f in zip(toks, fall)]
            ids = {}
            m.module.classes = torch.tensor([ids.setdefault(n, len(ids)) for n in names])
            with E.seeded(0, torch.device('cpu')):
                m.module.aux = nn.Linear(m.module.hidden_size, len(ids))
t1 = time.time()
result = MT.train_members(plan, lambda s: None)
t2 = time.time()
with config.autocast():
    plan.model.fit_held_out(plan.validation) if False else None
plan.model.module.eval()
v = Validation(plan.model, plan.validation, plan.num_validation_chars, config, rest_bits=plan.rest_nats / math.log(2) / plan.num_validation_chars)
bits = v()
t3 = time.time()
if entry_name.startswith('word'):
    buffers = [b for n, b in plan.model.module.named_buffers() if n.endswith('oov_odds')]
    kept = [b.clone() for b in buffers]
    EXTRA['odds'] = [float(b) for b in kept]
    for b in buffers: b.fill_(1)
    EXTRA['bits_noodds'] = Validation(plan.model, plan.validation, plan.num_validation_chars, config, rest_bits=plan.rest_nats / math.log(2) / plan.num_validation_chars)()
    for b, k in zip(buffers, kept): b.copy_(k)
if entry_name.startswith('word') and 'cal' in X:
    import cal
    from textgen.data.vocabulary import count_tokens
    EXTRA['cal'] = cal.calibrate(plan.model, plan.validation, prepared.tokenizer.vocabulary.fallback, count_tokens(plan.train_ids, plan.model.vocab_size), config, plan.num_validation_chars, plan.train_ids)
line = dict(text=text, entry=entry_name, budget=budget, seed=int(seed), x=variants, bits=bits, best=min((p.validation_bits_per_char for p in result.curve if p.validation_bits_per_char), default=None),
    updates=result.num_updates, epochs=round(result.num_epochs, 2), chars=result.num_chars, prep=round(t1 - t0, 1), train=round(result.seconds, 1), wall=round(t3 - t0, 1),
    rate=result.rates.learning_rate if result.rates else None, length=result.rates.sequence_length if result.rates else None, copies=prepared.entry.num_copies, vocab=plan.model.vocab_size, tokens=len(plan.train_ids), **EXTRA)
with open(out, 'a') as f: f.write(json.dumps(line) + '\n')
print(line)
