"""A wide corpus of Unicode as transformers' tokenizers encode and decode it.

encode_corpus.py TOKENIZER.json SEED OUT: writes one JSON object a line,
{"text", "ids", "special", "decoded"}: ids without and with what the tokenizer adds, decoded with special
tokens. First random strings, then every code point there is.
"""
import json
import random
import sys
import unicodedata

from tokenizers import Tokenizer

tokenizer, seed, out = Tokenizer.from_file(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
tokenizer.no_truncation()
tokenizer.no_padding()

rand = random.Random(seed)
RANGES = [(0x20, 0x7E), (0x20, 0x7E), (0, 0x2FF), (0x300, 0x36F), (0x370, 0x58F), (0x590, 0x7FF), (0x900, 0xDFF),
          (0xE00, 0x11FF), (0x1E00, 0x1FFF), (0x2000, 0x2BFF), (0x3000, 0x30FF), (0x4E00, 0x9FFF), (0xAC00, 0xD7A3),
          (0xF900, 0xFFFF), (0x10000, 0x1FFFF), (0x20000, 0x2FFFF), (0xE0000, 0xE01EF)]
PIECES = ["  ", "\n", "\r\n", "\t", "'s", "'LL", "don't", " 123456", "3.14", "...", "</s>", "<|im_start|>", "[SEP]",
          "e\u0301", "\u200d", "\ufe0f", "\u00a0", "\u3000", "\ufeff", "https://a.b/c?d=e", "naïve", "ﬁ", "İ", "ß", "\u2581"]


def word() -> str:
    if rand.random() < 0.3:
        return rand.choice(PIECES)
    low, high = rand.choice(RANGES)
    letters = [chr(rand.randint(low, high)) for _ in range(rand.randint(1, 7))]
    return "".join(c for c in letters if not 0xD800 <= ord(c) <= 0xDFFF)


texts = ["", " ", "\n\n"]
texts += [rand.choice(["", " "]).join(word() for _ in range(rand.randint(1, 14))) for _ in range(4000)]
# Private use aside, and of the planes that nothing is assigned in, a sample.
points = [chr(c) for c in [*range(0xD800), *range(0xE000, 0x40000), *range(0xE0000, 0xE0200),
                           *rand.sample(range(0x40000, 0x110000), 2000)] if unicodedata.category(chr(c)) != "Co"]
texts += ["a".join(points[i:i + 24]) for i in range(0, len(points), 24)]
texts += [" ".join(points[i:i + 24]) for i in range(0, len(points), 24)]
plain = tokenizer.encode_batch(texts, add_special_tokens=False)
special = tokenizer.encode_batch(texts[:4000], add_special_tokens=True)
with open(out, "w", encoding="utf8") as file:
    for i, (text, encoded) in enumerate(zip(texts, plain)):
        line = {"text": text, "ids": encoded.ids}
        if i < len(special):
            line["special"] = special[i].ids
            line["decoded"] = tokenizer.decode(encoded.ids, skip_special_tokens=False)
        file.write(json.dumps(line) + "\n")
print(len(texts))
