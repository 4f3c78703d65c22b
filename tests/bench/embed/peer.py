"""sentence-transformers' embeddings: peer.py MODEL TEXTS.json OUT (float32, row by row)."""
import json
import sys
import time

import numpy as np
from sentence_transformers import SentenceTransformer, models

folder, texts, out = sys.argv[1], json.load(open(sys.argv[2], encoding="utf8")), sys.argv[3]
words = models.Transformer(folder)
model = SentenceTransformer(modules=[words, models.Pooling(words.get_word_embedding_dimension()), models.Normalize()],
                            device="cpu")
start = time.perf_counter()
rows = model.encode(texts, batch_size=32, show_progress_bar=False, convert_to_numpy=True)
seconds = time.perf_counter() - start
np.asarray(rows, dtype=np.float32).tofile(out)
print(json.dumps({"engine": "sentence-transformers", "texts": len(texts), "seconds": seconds,
                  "texts_per_second": len(texts) / seconds}))
