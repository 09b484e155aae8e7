"""The model alone on the public benchmark: an adapter for the harness of shared/eval.

    cp adapter.py $EVAL/adapters/static.py
    PYTHONPATH=. python $EVAL/harness.py --split dev --tool static:model=trained.npz,chars=700

Files are cut at lines into pieces of `chars`; a file counts by its best piece.
"""

import os
import pathlib

import numpy as np

import evaluate
import pairs
import tokenizer
from _files import walk
from bm25 import chunks

STABLE_PREFIX = True
WORK = pathlib.Path(os.environ.get("WHEREIN_TRAINING", "/tmp/wherein-training"))


def embed(cutter, texts, most, table, weights):
    ragged = pairs.Ragged([np.array(cutter.encode(text, most), np.int32) for text in texts])
    return evaluate.vectors(ragged, np.arange(len(texts)), table, weights)


def index(repo_dir, model="trained.npz", chars="700"):
    cutter = tokenizer.Tokenizer((WORK / "vocab.txt").read_text().splitlines())
    if model == "init":
        sif = np.load(WORK / "sif.npy")
        table, document, query = np.load(WORK / "init.npy"), sif, sif
    else:
        state = np.load(WORK / model)
        table, document, query = state["table"], state["document"], state["query"]
    places, texts = [], []
    for path, relative in walk(repo_dir):
        with open(path, encoding="utf-8", errors="replace") as file:
            for start, end, body in chunks(file.read(), int(chars)):
                if body.strip():
                    places.append((relative, start, end))
                    texts.append(pairs.path_words(relative) + "\n" + body)
    vectors = embed(cutter, texts, tokenizer.DOCUMENT_TOKENS, table, document)
    return places, vectors, lambda text: embed(cutter, [text], tokenizer.QUERY_TOKENS, table, query)[0]


def search(handle, query, k):
    places, vectors, embed_query = handle
    best = {}
    for at in np.argsort(-(vectors @ embed_query(query)), kind="stable"):
        best.setdefault(places[at][0], places[at])
        if len(best) == k:
            break
    return list(best.values())
