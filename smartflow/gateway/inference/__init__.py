"""Inference: chat, messages, embeddings, rerank, images, speech and transcription, from a real or the offline provider."""
