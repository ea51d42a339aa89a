"""Sentences ranked by meaning: paraphrase-MiniLM."""

import unicodedata

import numpy as np

QUERY = "How do I get my money back?"
SENTENCES = [
    "Refunds are paid within five working days.",
    "You can return an item and be reimbursed.",
    "The shop opens at nine on weekdays.",
    "Our bank offers loans at a low rate.",
    "The cat sleeps on the warm window sill.",
    "Heavy rain is expected in the mountains.",
    "To cancel an order, write to customer service.",
    "He scored twice in the second half.",
]


def split_words(text):
    """BERT's basic splitting: lower case, accents off, punctuation and CJK characters stand alone."""
    text = "".join(c for c in unicodedata.normalize("NFD", text.lower()) if unicodedata.category(c) != "Mn")
    spaced = "".join(
        f" {c} " if unicodedata.category(c).startswith("P") or c in "$+<=>^`|~" or "\u4e00" <= c <= "\u9fff" else c for c in text
    )
    return spaced.split()


def word_pieces(word, vocabulary):
    """Longest pieces first; pieces inside a word start with ##."""
    pieces, start = [], 0
    while start < len(word):
        for end in range(len(word), start, -1):
            piece = ("##" if start else "") + word[start:end]
            if piece in vocabulary:
                pieces.append(vocabulary[piece])
                start = end
                break
        else:
            return [vocabulary["[UNK]"]]
    return pieces


def tokenize(texts, vocab_file):
    """-> input_ids and attention_mask, int64 [sentence, token], padded at the end."""
    vocabulary = {token: i for i, token in enumerate(vocab_file.read_text(encoding="utf-8").splitlines())}
    rows = []
    for text in texts:
        ids = [i for word in split_words(text) for i in word_pieces(word, vocabulary)]
        rows.append([vocabulary["[CLS]"], *ids, vocabulary["[SEP]"]])
    width = max(map(len, rows))
    ids = np.array([r + [0] * (width - len(r)) for r in rows], np.int64)
    return {"input_ids": ids, "attention_mask": np.array([[1] * len(r) + [0] * (width - len(r)) for r in rows], np.int64)}


def pooled(outputs, mask):
    """Sentence vectors: the mean of the token vectors [sentence, token, 384], padding aside, of length 1."""
    tokens = next(v for v in outputs.values() if v.ndim == 3)
    mean = (tokens * mask[..., None]).sum(1) / mask.sum(1, keepdims=True)
    return mean / np.linalg.norm(mean, axis=1, keepdims=True)


def run(model, vocab_file):
    inputs = tokenize([QUERY, *SENTENCES], vocab_file)
    vectors = pooled(model.run(inputs), inputs["attention_mask"])
    scores = vectors[1:] @ vectors[0]
    ranking = [(float(scores[i]), SENTENCES[i]) for i in np.argsort(-scores)]
    lines = [f'asked: "{QUERY}"'] + [f"  {score:6.3f}  {text}" for score, text in ranking]
    return {"query": QUERY, "ranking": ranking}, lines, inputs
