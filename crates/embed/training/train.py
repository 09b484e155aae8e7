"""Trains the static model: InfoNCE with in-batch negatives, drawn in groups of one package.

A document is shown in several ways, so that the model learns what each field is
worth: with its path and the rest of its comment, or as bare code without its own
name. A question is a doc comment, now and then the words of the name. The loss is symmetric and is taken of the whole
vectors and of their first half (Matryoshka). What is kept is the mean of a few
runs that differ in their seed.
"""

import argparse
import os
import pathlib
import pickle
import time

import numpy as np

from evaluate import mean_reciprocal_rank
from model import BODY, COMMENT, PATH, QUERY, SIGNATURE, Bags, Model

WORK = pathlib.Path(os.environ.get("WHEREIN_TRAINING", "/tmp/wherein-training"))


class Adam:
    """Adam on the rows of an array that a step touches."""

    def __init__(self, values: np.ndarray, rate: float):
        self.values, self.rate = values, rate
        self.first, self.second = np.zeros_like(values), np.zeros_like(values)
        self.steps = 0

    def step(self, rows, gradient: np.ndarray, decay: float) -> None:
        self.steps += 1
        first = self.first[rows] = 0.9 * self.first[rows] + 0.1 * gradient
        second = self.second[rows] = 0.98 * self.second[rows] + 0.02 * gradient * gradient
        first = first / (1 - 0.9**self.steps)
        second = second / (1 - 0.98**self.steps)
        self.values[rows] -= self.rate * decay * first / (np.sqrt(second) + 1e-8)


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


def shown(part: dict, rows: np.ndarray, args, size: int, rng) -> tuple[Bags, Bags]:
    """(questions, documents) of one batch."""
    here = np.arange(len(rows))

    def where(field, name, chosen):
        return field, part[name], rows[chosen], here[chosen]

    bare = rng.random(len(rows)) < args.bare
    comment = rng.random(len(rows)) < 0.5
    documents = [
        where(SIGNATURE, "masked_signature", bare), where(BODY, "masked_body", bare), where(PATH, "path", ~bare), where(PATH, "breadcrumb", ~bare),
        where(SIGNATURE, "signature", ~bare), where(BODY, "body", ~bare), where(COMMENT, "comment", comment),
    ]
    by_name = (rng.random(len(rows)) < args.named) & (np.diff(part["name"].starts)[rows] > 1)
    questions = [where(QUERY, "query", ~by_name), where(QUERY, "name", by_name)]
    return Bags(len(rows), questions, size, args.drop, rng), Bags(len(rows), documents, size, args.drop, rng)


def contrast(q: np.ndarray, d: np.ndarray, temperature: float) -> tuple[float, np.ndarray, np.ndarray]:
    """The symmetric InfoNCE loss of matching rows, and its gradients."""
    scores = (q @ d.T) / temperature
    gradient = np.zeros_like(scores)
    loss = 0.0
    for axis in (1, 0):
        soft = np.exp(scores - scores.max(axis=axis, keepdims=True))
        soft /= soft.sum(axis=axis, keepdims=True)
        loss -= np.log(np.diagonal(soft) + 1e-12).mean() / 2
        gradient += soft / 2
    gradient[np.diag_indices_from(gradient)] -= 1
    gradient /= len(q) * temperature
    return float(loss), gradient @ d, gradient.T @ q


def nested(q: np.ndarray, d: np.ndarray, temperature: float, half: float) -> tuple[float, np.ndarray, np.ndarray]:
    """The loss of whole vectors, and `half` times that of their first halves."""
    loss, q_back, d_back = contrast(q, d, temperature)
    if half:
        cut = q.shape[1] // 2
        norms = [np.linalg.norm(v[:, :cut], axis=1, keepdims=True) + 1e-6 for v in (q, d)]
        units = [v[:, :cut] / n for v, n in zip((q, d), norms)]
        more, *backs = contrast(*units, temperature)
        loss += half * more
        for whole, back, u, n in zip((q_back, d_back), backs, units, norms):
            whole[:, :cut] += half * (back - u * (back * u).sum(axis=1, keepdims=True)) / n
    return loss, q_back, d_back


def once(train: dict, valid: dict, rows: np.ndarray, args, seed: int, started: float) -> Model:
    """One run from the first model; stops early when its share of the minutes is over."""
    rng = np.random.default_rng(seed)
    model = Model.first()
    adams = {"table": Adam(model.table, args.rate), "logs": Adam(model.logs, 5 * args.rate)}
    total, step, began = args.epochs * (len(rows) // args.batch), 0, time.time()
    for epoch in range(args.epochs):
        losses = []
        for at in batches(train["package"][rows], args.batch, args.group, rng):
            progress = max(step / total, (time.time() - began) / 60 * args.runs / args.minutes)
            if progress >= 1:
                break
            decay = min(1.0, (step + 1) / 50) * (1 - progress)
            q, d = (model.forward(bags) for bags in shown(train, rows[at], args, model.size, rng))
            loss, q_back, d_back = nested(q["out"], d["out"], args.temperature, args.half)
            found = model.backward(q, q_back), model.backward(d, d_back)
            for name, adam in adams.items():
                places, values = (np.concatenate([f[name][i] for f in found]) for i in (0, 1))
                touched, place = np.unique(places, return_inverse=True)
                gradient = np.zeros((len(touched), *values.shape[1:]), np.float32)
                # A token is in few fields: adding field by field is faster than one by one.
                for field_rows, field_values in split_unique(place, values):
                    gradient[field_rows] += field_values
                adam.step(touched, gradient, decay)
            losses.append(loss)
            step += 1
        figure = mean_reciprocal_rank(model, valid)
        print(f"seed {seed}, epoch {epoch + 1}: loss {np.mean(losses):.3f}, validation MRR@10 {figure:.4f}, {time.time() - started:.0f} s", flush=True)
    return model


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--minutes", type=float, default=60)
    options.add_argument("--runs", type=int, default=4, help="how many runs are averaged")
    options.add_argument("--epochs", type=int, default=4)
    options.add_argument("--batch", type=int, default=1536)
    options.add_argument("--group", type=int, default=32)
    options.add_argument("--rate", type=float, default=4e-3)
    options.add_argument("--temperature", type=float, default=0.05)
    options.add_argument("--drop", type=float, default=0.3, help="share of the tokens that is left out")
    options.add_argument("--half", type=float, default=0.1, help="weight of the loss of the first half of the dimensions")
    options.add_argument("--named", type=float, default=0.08, help="share of the questions that are the words of the name")
    options.add_argument("--bare", type=float, default=0.5, help="share of the documents that are code alone, their own name hidden")
    options.add_argument("--kinds", default="doc,section", help="kinds of pairs")
    options.add_argument("--limit", type=int, default=0, help="pairs at most, for a curve")
    options.add_argument("--out", default="trained.npz")
    args = options.parse_args()
    with open(WORK / "prepared.pickle", "rb") as file:
        data = pickle.load(file)
    train, valid = data["train"], data["valid"]
    rows = np.flatnonzero((np.diff(train["query"].starts) > 0) & (np.diff(train["masked_body"].starts) > 4))
    rows = rows[np.isin(train["kind"][rows], args.kinds.split(","))]
    if args.limit:
        rows = rows[: args.limit]
    print(len(rows), "pairs", flush=True)
    started = time.time()
    runs = [once(train, valid, rows, args, 11 + run, started) for run in range(args.runs)]
    # Runs that began alike end in one basin: their mean is better than each ("model soups", Wortsman et al. 2022).
    model = Model(np.mean([m.table for m in runs], axis=0), np.mean([m.logs for m in runs], axis=0))
    model.save(WORK / args.out)
    print(f"mean of {args.runs}: validation MRR@10 {mean_reciprocal_rank(model, valid):.4f}")


def split_unique(place: np.ndarray, values: np.ndarray):
    """Cuts places into runs without repetition: they come sorted by field."""
    edges = [0, *(np.flatnonzero(np.diff(place) <= 0) + 1), len(place)]
    for start, end in zip(edges, edges[1:]):
        yield place[start:end], values[start:end]


if __name__ == "__main__":
    main()
