"""Serves the small model with llama.cpp on a free port: python llama.py MODEL KEY [embeddings]. Runs in .venvs/real."""

from __future__ import annotations

import sys
import threading

import xllamacpp  # type: ignore[import-not-found,unused-ignore]


def main(model: str, key: str, *more: str) -> None:
    """Serve until the process is ended."""
    given = xllamacpp.CommonParams()
    given.model.path = model
    given.model_alias = {"smollm2-135m"}
    given.hostnames = ["127.0.0.1"]
    given.port = 0
    given.n_ctx = 4096
    given.n_parallel = 2
    given.cpuparams.n_threads = 1
    given.api_keys = [key]
    if more:
        given.embedding = True
        given.pooling_type = xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_MEAN
    server = xllamacpp.Server(given)
    print(f"listening on {server.listening_address}", flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
