"""Class calibration of a trained word reader, cross-validated over the stretches of validation."""
import math, numpy as np, torch
from textgen.nn.state import windows, take_rows
from textgen.data.vocabulary import count_tokens

def masses_of(model, stretches, fallback, counts, config, edges):
    V = model.vocab_size
    fb = torch.tensor(fallback)
    cls = torch.bucketize(torch.tensor(counts.astype(np.float32)), torch.tensor(edges, dtype=torch.float32), right=True) + 1
    cls[fb] = 0
    C = len(edges) + 2
    onehot = torch.zeros(V, C); onehot[torch.arange(V), cls] = 1
    out = []
    with torch.inference_mode():
        for s in stretches:
            ids = torch.from_numpy(s.astype(np.int64))[None]
            state = model.initial_state(1); ms, ps, st = [], [], []
            for b in range(0, ids.shape[1] - 1, 256):
                x, y = ids[:, b:b + 256], ids[:, b + 1:b + 257]
                x = x[:, :y.shape[1]]
                with config.autocast():
                    logits, state = model.forward(x, state)
                lp = logits[0].float().log_softmax(-1)
                ms.append(lp.exp() @ onehot); ps.append(lp.gather(1, y[0, :, None])[:, 0])
                prev = x[0]
                st.append(torch.stack([fb[prev], y[0]], 1))
            prevs = torch.cat(st)
            out.append((torch.cat(ms).double().clamp(min=1e-12), torch.cat(ps).double(), prevs[:, 1], prevs[:, 0].bool()))
    return out, cls, C

def start_places(ids, fallback, continues):
    return None

def fit(M, y, power):
    C = M.shape[1]
    L = M.log()
    theta = torch.zeros(2 * C if power else C, dtype=torch.double, requires_grad=True)
    opt = torch.optim.LBFGS([theta], max_iter=60, line_search_fn='strong_wolfe')
    def apply(L):
        z = L * (1 + theta[C:]) + theta[:C] if power else L + theta[:C]
        return z.log_softmax(1)
    def closure():
        opt.zero_grad()
        loss = -apply(L).gather(1, y[:, None]).mean() + 1e-5 * theta.square().sum()
        loss.backward(); return loss
    opt.step(closure)
    return theta.detach(), lambda L: (L * (1 + theta[C:]) + theta[:C] if power else L + theta[:C]).log_softmax(1).detach()

def calibrate(model, stretches, fallback, counts, config, num_chars, train_ids):
    res = {}
    tid = torch.from_numpy(train_ids.astype(np.int64)); fbt = torch.tensor(fallback)
    sp = fbt[tid]; S = int((sp & ~torch.cat([torch.zeros(1, dtype=torch.bool), sp[:-1]])).sum())
    # depth-1 tokens: runs alternate 1,2 in the reduced text
    known = counts[~np.array(fallback)]; known = known[known > 0]
    m = int(known.min()); n_m = int((known == m).sum())
    shift = math.log(1 + m * n_m / S)
    data, cls, C = masses_of(model, stretches, fallback, counts, config, [])
    gain = 0.0
    for mm, p, y, pf in data:
        before = torch.cat([torch.zeros(1, dtype=torch.bool), pf[:-1]]); keep = ~(pf & ~before)
        L = mm[keep].log().log_softmax(1); Y = cls[y[keep]]
        z = (L + torch.tensor([shift, 0.0])).log_softmax(1)
        gain += float((z.gather(1, Y[:, None]) - L.gather(1, Y[:, None])).sum())
    res['fixed'] = -gain / math.log(2) / num_chars; res['shift'] = shift; res['m'] = [m, n_m, S]
    for name, edges in (('spell', []),):
        data, cls, C = masses_of(model, stretches, fallback, counts, config, edges)
        # places where a word may follow: not after the first token of a spelling (the token before is a fallback whose predecessor is not)
        for mode in ('shift', 'power'):
            gains, thetas = 0.0, []
            halves = [data[0::2], data[1::2]]
            for a, b in ((0, 1), (1, 0)):
                def cat(h):
                    M, Y, K = [], [], []
                    for m, p, y, pf in halves[h]:
                        # depth 1: this token is a fallback, the one before is not (approximately)
                        before = torch.cat([torch.zeros(1, dtype=torch.bool), pf[:-1]])
                        keep = ~(pf & ~before)
                        M.append(m[keep]); Y.append(cls[y[keep]])
                    return torch.cat(M), torch.cat(Y)
                M, Y = cat(a); M2, Y2 = cat(b)
                theta, f = fit(M, Y, mode == 'power')
                old = M2.log().log_softmax(1).gather(1, Y2[:, None]).sum(); new = f(M2.log()).gather(1, Y2[:, None]).sum()
                gains += float(new - old); thetas.append([round(v, 2) for v in theta.tolist()])
            res[f'{name}-{mode}'] = -gains / math.log(2) / num_chars
            if mode == 'shift': res[f'{name}-theta'] = thetas[0]
            if name == 'spell' and mode == 'shift':
                res['expected'] = float(M[:, 0].mean()); res['true'] = float((Y == 0).double().mean())
    return res
