"""Writes blocks.safetensors: random blocks of every ggml type that Foundry reads, the values that
the reference package `gguf` gives for them, and blocks that it makes. Run: python tests/data/quants/make_quants.py"""
import pathlib

import numpy as np
from gguf import GGMLQuantizationType as T
from gguf.quants import dequantize, quantize, quant_shape_to_byte_shape
from safetensors.numpy import save_file

# Where the half-precision scales lie in a block of each type.
SCALES = {T.Q4_0: [0], T.Q4_1: [0, 2], T.Q5_0: [0], T.Q5_1: [0, 2], T.Q8_0: [0],
          T.Q4_K: [0, 2], T.Q5_K: [0, 2], T.Q6_K: [208]}
random = np.random.default_rng(7)
tensors = {}
for kind, scales in SCALES.items():
    elements = 256 if kind.name.endswith("_K") else 32
    rows = 768 // elements
    width = quant_shape_to_byte_shape((1, elements), kind)[-1]
    blocks = random.integers(0, 256, (rows, width), dtype=np.uint8)
    for offset in scales:
        halves = random.normal(0, 0.1, rows).astype(np.float16)
        blocks[:, offset:offset + 2] = halves.view(np.uint8).reshape(rows, 2)
    tensors[kind.name + ".bytes"] = blocks
    tensors[kind.name + ".values"] = dequantize(blocks, kind).astype(np.float32)
# What Q8_0 and Q4_0 make of given values.
source = random.normal(0, 0.05, (4, 96)).astype(np.float32)
source[1, :32] = 0
tensors["source"] = source
tensors["source.Q8_0"] = quantize(source, T.Q8_0)
tensors["source.Q4_0"] = quantize(source, T.Q4_0)
save_file(tensors, pathlib.Path(__file__).with_name("blocks.safetensors"))
