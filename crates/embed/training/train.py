"""Trains the token table and the two sets of token weights: InfoNCE with in-batch negatives.

A text's vector is the normalised sum of weight[token] * table[token]. The loss
is symmetric; the gradients are written out, since two sparse products are all
there is. Adam touches only the rows of a batch. Stops at the best figure on
the validation packages, or when its minutes are over.
"""

import argparse
import os
import pathlib
import pickle
import time

import numpy as np
import scipy.sparse

from evaluate import mean_reciprocal_rank

WORK = pathlib.Path(os.environ.get("WHEREIN_TRAINING", "/tmp/wherein-training"))


class Adam:
    """Adam on the rows of an array that a step touches."""

    def __init__(self, values: np.ndarray, rate: float):
        self.values, self.rate = values, rate
        self.first, self.second = np.zeros_like(values), np.zeros_like(values)
        self.steps = 0

    def step(self, rows: np.ndarray, gradient: np.ndarray, decay: float) -> None:
        self.steps += 1
        first = self.first[rows] = 0.9 * self.first[rows] + 0.1 * gradient
        second = self.second[rows] = 0.98 * self.second[rows] + 0.02 * gradient * gradient
        first = first / (1 - 0.9**self.steps)
        second = second / (1 - 0.98**self.steps)
        self.values[rows] -= self.rate * decay * first / (np.sqrt(second) + 1e-8)


def counts(ids: np.ndarray, pointers: np.ndarray, size: int):
    """A sparse count matrix [texts, vocabulary] of the tokens."""
    return scipy.sparse.csr_matrix((np.ones(len(ids), np.float32), ids, pointers), shape=(len(pointers) - 1, size))


def forward(ids, pointers, table, weights):
    """The normalised vectors, and what the backward pass needs."""
    bag = scipy.sparse.csr_matrix((weights[ids], ids, pointers), shape=(len(pointers) - 1, len(table)))
    sums = bag @ table
    norms = np.linalg.norm(sums, axis=1, keepdims=True) + 1e-6
    return sums / norms, norms, bag


def backward(gradient, unit, norms):
    """Gradient of the sums behind normalised vectors."""
    return (gradient - unit * (gradient * unit).sum(axis=1, keepdims=True)) / norms


def drop(ids, pointers, rate, rng):
    """Leaves out a share of the tokens."""
    keep = rng.random(len(ids)) >= rate
    lengths = np.add.reduceat(np.append(keep, False).astype(np.int64), pointers[:-1]) * (np.diff(pointers) > 0)
    return ids[keep], np.concatenate([[0], np.cumsum(lengths)])


def batches(package: np.ndarray, size: int, group: int, rng) -> list[np.ndarray]:
    """Batches in which groups of one package stand together: negatives from the
    same project are the hard ones, and the ones that a search meets."""
    order = rng.permutation(len(package))
    order = order[np.argsort(package[order], kind="stable")]
    edges = np.flatnonzero(np.diff(package[order])) + 1
    groups = [g[i:i + group] for g in np.split(order, edges) for i in range(0, len(g), group)]
    rng.shuffle(groups)
    flat = np.concatenate(groups)
    return [flat[i:i + size] for i in range(0, len(flat) - size + 1, size)]


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--minutes", type=float, default=12)
    options.add_argument("--epochs", type=int, default=4)
    options.add_argument("--batch", type=int, default=1536)
    options.add_argument("--group", type=int, default=32)
    options.add_argument("--rate", type=float, default=4e-3)
    options.add_argument("--temperature", type=float, default=0.05)
    options.add_argument("--drop", type=float, default=0.25)
    options.add_argument("--limit", type=int, default=0)
    options.add_argument("--out", default="trained.npz")
    args = options.parse_args()
    rng = np.random.default_rng(11)
    with open(WORK / "prepared.pickle", "rb") as file:
        data = pickle.load(file)
    train, valid = data["train"], data["valid"]
    table = np.load(WORK / "init.npy")
    sif = np.load(WORK / "sif.npy")
    # Logarithms of the weights are learned, so that a weight stays positive.
    logs = [np.log(sif).astype(np.float32), np.log(sif).astype(np.float32)]
    table_adam = Adam(table, args.rate)
    log_adams = [Adam(log, 5 * args.rate) for log in logs]
    rows = np.flatnonzero(np.diff(train["query"].starts) > 0)
    rows = rows[np.diff(train["masked"].starts)[rows] > 4]
    if args.limit:
        rows = rows[: args.limit]
    has_name = np.diff(train["name"].starts) > 1
    total = args.epochs * (len(rows) // args.batch)
    started, step, best = time.time(), 0, -1.0
    for epoch in range(args.epochs):
        losses = []
        for at in batches(train["package"][rows], args.batch, args.group, rng):
            spent = (time.time() - started) / 60 / args.minutes
            progress = max(step / total, spent)
            if progress >= 1:
                break
            decay = min(1.0, (step + 1) / 50) * (1 - progress)
            chosen = rows[at]
            # Documents: half the time without the own name; queries: sometimes the name's words.
            parts = {}
            for side, first, second, share in (("d", "plain", "masked", 0.5), ("q", "query", "name", 0.08)):
                other = rng.random(len(chosen)) < share
                if side == "q":
                    other &= has_name[chosen]
                lists = [np.concatenate([[0], np.cumsum(np.diff(train[n].starts)[chosen])]) for n in (first, second)]
                a, b = train[first].take(chosen), train[second].take(chosen)
                pieces = [(b if o else a)[0][(lists[o][i]):(lists[o][i + 1])] for i, o in enumerate(other.astype(int))]
                pointers = np.concatenate([[0], np.cumsum([len(p) for p in pieces])])
                parts[side] = drop(np.concatenate(pieces), pointers, args.drop, rng)
            weights = [np.exp(log) for log in logs]
            (d_ids, d_at), (q_ids, q_at) = parts["d"], parts["q"]
            d, d_norm, d_bag = forward(d_ids, d_at, table, weights[0])
            q, q_norm, q_bag = forward(q_ids, q_at, table, weights[1])
            scores = (q @ d.T) / args.temperature
            gradient = np.zeros_like(scores)
            loss = 0.0
            for axis in (1, 0):
                shifted = np.exp(scores - scores.max(axis=axis, keepdims=True))
                soft = shifted / shifted.sum(axis=axis, keepdims=True)
                loss -= np.log(np.diagonal(soft) + 1e-12).mean() / 2
                gradient += soft / 2
            gradient[np.diag_indices_from(gradient)] -= 1
            gradient /= len(chosen) * args.temperature
            d_sum = backward(gradient.T @ q, d, d_norm)
            q_sum = backward(gradient @ d, q, q_norm)
            touched = np.zeros(len(table), bool)
            touched[d_ids] = touched[q_ids] = True
            touched = np.flatnonzero(touched)
            # G[token] = sum of the gradients of the texts that hold it: gives both gradients.
            grad_table = 0
            for number, (ids, pointers, outer) in enumerate(((d_ids, d_at, d_sum), (q_ids, q_at, q_sum))):
                ones = counts(ids, pointers, len(table))
                per_token = (ones.T.tocsr()[touched]) @ outer
                grad_log = (per_token * table[touched]).sum(axis=1) * weights[number][touched]
                grad_table = grad_table + per_token * weights[number][touched, None]
                log_adams[number].step(touched, grad_log, decay)
            table_adam.step(touched, grad_table, decay)
            losses.append(loss)
            step += 1
        figure = mean_reciprocal_rank(table, np.exp(logs[0]), np.exp(logs[1]), valid)
        print(f"epoch {epoch + 1}: loss {np.mean(losses):.3f}, validation MRR@10 {figure:.4f}, {time.time() - started:.0f} s", flush=True)
        if figure > best:
            best = figure
            np.savez(WORK / args.out, table=table, document=np.exp(logs[0]), query=np.exp(logs[1]))
        elif figure < best - 0.01:
            break
        if (time.time() - started) / 60 >= args.minutes:
            break
    print(f"best {best:.4f}")


if __name__ == "__main__":
    main()
