"""Embeddings, images, audio and reranking."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, List, Optional, Sequence, Union

from ..._core.check import check_extras, check_int, check_text, check_texts
from ..._core.errors import with_facts
from ..._io.files import open_upload
from ...exceptions import ResponseValidationError
from ..session import understood
from .base import AsyncMethods, as_dict

if TYPE_CHECKING:
    from smartflow_generated.shapes.proxy import EmbeddingList, ImageList, RerankAnswer

__all__ = ["AsyncMediaMethods"]


class AsyncMediaMethods(AsyncMethods):
    """The embedding, image, audio and rerank methods of the client."""

    async def embeddings(
        self,
        input: Union[str, Sequence[str]],
        model: str = "text-embedding-3-small",
        encoding_format: str = "float",
        dimensions: Optional[int] = None,
        input_type: Optional[str] = None,
        **kwargs: Any,
    ) -> EmbeddingList:
        """Return one vector per input text.

        Args:
            input: A text, or a list of texts.
            model: The embedding model, with or without a provider prefix.
            encoding_format: `float` for lists of numbers, `base64` for packed 32-bit floats.
            dimensions: Length of the vectors, for models that can shorten them.
            input_type: What the texts are for, for example `search_document` (Cohere).
            **kwargs: Further fields of the request, passed on as they are.

        Returns:
            A dict: `data[i]["embedding"]` is the vector of the i-th text; `usage` counts tokens.

        Raises:
            ValidationError: An argument cannot be sent.
            SmartflowError: Any other failure; see `smartflow.exceptions`.

        Example:
            >>> result = await sf.embeddings(["First document", "Second document"])
            >>> vectors = [item["embedding"] for item in result["data"]]

        Operation: createEmbedding
        """
        from smartflow_generated.proxy.api.embeddings import create_embedding as op

        check_extras(kwargs)
        body: Any = {
            "model": check_text(model, "model"),
            "input": check_texts(input, "input"),
            "encoding_format": check_text(encoding_format, "encoding_format"),
        }
        if dimensions is not None:
            body["dimensions"] = check_int(dimensions, "dimensions", 1)
        if input_type is not None:
            body["input_type"] = check_text(input_type, "input_type")
        body.update(kwargs)
        result: EmbeddingList = await self._session.read(op.operation, op.request(body=body), as_dict)
        return result

    async def image_generation(
        self,
        prompt: str,
        model: str = "dall-e-3",
        n: int = 1,
        size: str = "1024x1024",
        quality: Optional[str] = None,
        response_format: str = "url",
        style: Optional[str] = None,
        **kwargs: Any,
    ) -> ImageList:
        """Return generated images, as URLs or as base64.

        Args:
            prompt: What the images are to show.
            model: The image model.
            n: How many images, 1 to 10.
            size: Width and height in pixels, for example `1792x1024`.
            quality: For example `standard` or `hd`.
            response_format: `url` or `b64_json`.
            style: For example `vivid` or `natural`.
            **kwargs: Further fields of the request, passed on as they are.

        Returns:
            A dict: `data[i]["url"]` or `data[i]["b64_json"]` is the i-th image.

        Raises:
            ValidationError: An argument cannot be sent.
            SmartflowError: Any other failure; see `smartflow.exceptions`.

        Example:
            >>> result = await sf.image_generation("A city at sunrise", size="1792x1024")
            >>> print(result["data"][0]["url"])

        Operation: createImage
        """
        from smartflow_generated.proxy.api.images import create_image as op

        check_extras(kwargs)
        body: Any = {
            "prompt": check_text(prompt, "prompt"),
            "model": check_text(model, "model"),
            "n": check_int(n, "n", 1),
            "size": check_text(size, "size"),
            "response_format": check_text(response_format, "response_format"),
        }
        if quality is not None:
            body["quality"] = check_text(quality, "quality")
        if style is not None:
            body["style"] = check_text(style, "style")
        body.update(kwargs)
        result: ImageList = await self._session.read(op.operation, op.request(body=body), as_dict)
        return result

    async def audio_transcription(
        self,
        file: Any,
        model: str = "whisper-1",
        language: Optional[str] = None,
        prompt: Optional[str] = None,
        response_format: str = "json",
        temperature: float = 0.0,
        filename: str = "audio.mp3",
        **kwargs: Any,
    ) -> Dict[str, Any]:
        """Return the text of an audio file.

        Args:
            file: A binary file object, bytes, or the path of a file.
            model: The transcription model, for example `groq/whisper-large-v3`.
            language: The spoken language, for example `en`.
            prompt: Words that guide the transcription.
            response_format: `json`, `verbose_json`, `text`, `srt` or `vtt`.
            temperature: 0 to 1.
            filename: The name that the provider is told; by default the file's own name, where it has one.
            **kwargs: Further fields of the form; a list repeats its field.

        Returns:
            A dict with `text`; for `text`, `srt` and `vtt` the whole document stands there.

        Raises:
            ValidationError: The file cannot be read, or another argument cannot be sent.
            SmartflowError: Any other failure; see `smartflow.exceptions`.

        Example:
            >>> with open("recording.mp3", "rb") as f:
            ...     result = await sf.audio_transcription(f)
            >>> print(result["text"])

        Operation: createTranscription
        """
        from smartflow_generated.proxy.api.audio import create_transcription as op

        check_extras(kwargs, ("file",))
        form: Any = {
            "model": check_text(model, "model"),
            "response_format": check_text(response_format, "response_format"),
            "temperature": str(temperature),
        }
        if language:
            form["language"] = check_text(language, "language")
        if prompt:
            form["prompt"] = check_text(prompt, "prompt")
        form.update({name: value for name, value in kwargs.items() if value is not None})
        with open_upload(file, filename) as upload:
            form["file"] = upload
            reply = await self._session.send(op.operation, op.request(body=form))
        kind = reply.media_type
        if (kind.startswith("text/") and kind != "text/html") or kind == "application/x-subrip":
            return {"text": reply.content.decode("utf-8", "replace")}
        result: Dict[str, Any] = understood(as_dict, op.operation.operation_id, reply)
        return result

    async def text_to_speech(
        self,
        input: str,
        model: str = "tts-1",
        voice: str = "alloy",
        response_format: str = "mp3",
        speed: float = 1.0,
        **kwargs: Any,
    ) -> bytes:
        """Return spoken text as the bytes of an audio file.

        Args:
            input: The text to speak.
            model: The speech model.
            voice: For example `alloy`, `nova` or `shimmer`.
            response_format: `mp3`, `opus`, `aac`, `flac`, `wav` or `pcm`.
            speed: 0.25 to 4.0; 1.0 is normal.
            **kwargs: Further fields of the request, passed on as they are.

        Returns:
            The audio data.

        Raises:
            ValidationError: An argument cannot be sent.
            SmartflowError: Any other failure; see `smartflow.exceptions`.

        Example:
            >>> audio = await sf.text_to_speech("Hello, this is Smartflow.", voice="nova")

        Operation: createSpeech
        """
        from smartflow_generated.proxy.api.audio import create_speech as op

        check_extras(kwargs)
        body: Any = {
            "input": check_text(input, "input"),
            "model": check_text(model, "model"),
            "voice": check_text(voice, "voice"),
            "response_format": check_text(response_format, "response_format"),
            "speed": speed,
        }
        body.update(kwargs)
        reply = await self._session.send(op.operation, op.request(body=body))
        kind = reply.media_type
        content: bytes = reply.content
        if kind in ("application/json", "text/html") or not content:
            error = ResponseValidationError(f"the answer is not audio but {kind or 'empty'}", body=content)
            raise with_facts(error, op.operation.operation_id, reply)
        return content

    async def rerank(
        self,
        query: str,
        documents: Sequence[str],
        model: str = "rerank-english-v3.0",
        top_n: Optional[int] = None,
        **kwargs: Any,
    ) -> RerankAnswer:
        """Return documents in the order of their relevance to a query.

        Args:
            query: What is looked for.
            documents: The texts to order.
            model: The rerank model.
            top_n: How many results; all by default.
            **kwargs: Further fields of the request, passed on as they are.

        Returns:
            A dict: `results` is a list of `index` (into `documents`) and `relevance_score` (0 to 1), best first.

        Raises:
            ValidationError: An argument cannot be sent.
            SmartflowError: Any other failure; see `smartflow.exceptions`.

        Example:
            >>> ranked = await sf.rerank("return policy", ["We accept returns.", "Contact us."], top_n=1)

        Operation: rerankDocuments
        """
        from smartflow_generated.proxy.api.rerank import rerank_documents as op

        check_extras(kwargs)
        texts: List[Any] = (
            [check_texts(documents, "documents")] if isinstance(documents, str) else check_texts(documents, "documents")
        )
        body: Any = {"model": check_text(model, "model"), "query": check_text(query, "query"), "documents": texts}
        if top_n is not None:
            body["top_n"] = check_int(top_n, "top_n", 1)
        body.update(kwargs)
        result: RerankAnswer = await self._session.read(op.operation, op.request(body=body), as_dict)
        return result
