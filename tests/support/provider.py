"""A model provider on loopback: OpenAI's, Anthropic's and Ollama's streaming protocols, and their faults."""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

KEY = "sk-loopback1234567890abcdef"
TEXT = '<file path="a.py">\nprint("grüße")\n</file>\n'


class Provider:
    """What the server is told to do, and what it was asked."""

    def __init__(self) -> None:
        self.mode = "ok"
        self.text = TEXT
        self.echo = ""
        """What an error says in its body and, as far as that can hold it, in a header."""
        self.requests: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.paths: list[str] = []
        self.url = ""
        self.released = threading.Event()
        """Set at the end, so that no thread of the server stays in a stall."""


@contextmanager
def serving() -> Iterator[Provider]:
    """Serve until the end of the block."""
    provider = Provider()

    class Handler(_Handler):
        asked = provider

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    provider.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield provider
    finally:
        provider.released.set()
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    asked: Provider

    def log_message(self, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        self.answer(200, b"{}")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        self.asked.requests.append(json.loads(body))
        self.asked.headers.append({name.lower(): value for name, value in self.headers.items()})
        self.asked.paths.append(self.path)
        mode = self.asked.mode
        try:
            if mode in _ANSWERS:
                status, headers, content = _ANSWERS[mode]
                if self.asked.echo:
                    headers = {
                        **headers,
                        "X-Echo": " ".join(self.asked.echo.split()).encode("ascii", "ignore").decode(),
                    }
                    content = _error(self.asked.echo)
                self.answer(status, content, headers)
            elif mode in _BREAKS:
                _BREAKS[mode](self)
            else:
                self.stream(mode)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def answer(self, status: int, content: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def start(self) -> None:
        """Headers of a stream that ends with the connection."""
        kind = "application/x-ndjson" if self.path.startswith("/api/") else "text/event-stream"
        self.close_connection = True
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Connection", "close")
        self.end_headers()

    def stream(self, mode: str) -> None:
        self.start()
        if "messages" in self.path:
            events = _anthropic(self.asked.text, mode)
        elif self.path.startswith("/api/"):
            events = _ollama(self.asked.text, mode)
        else:
            events = _openai(self.asked.text, mode)
        for event in events:
            self.write(event)
            has_text = json.dumps(self.asked.text[:5])[1:-1].encode() in event
            if mode == "stall_mid" and has_text:
                self.asked.released.wait()
                return
            if mode == "rst_mid" and has_text:
                reset(self)
                return
            if mode == "drip":
                while not self.asked.released.wait(0.02):
                    self.write(b": still there\n\n")
                return

    def write(self, content: bytes) -> None:
        self.wfile.write(content)
        self.wfile.flush()


def reset(handler: _Handler) -> None:
    """End the connection with a RST."""
    handler.close_connection = True
    handler.wfile.flush()
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    # The handler's own files hold the socket open; shut it so that the RST goes out now.
    handler.rfile.close()
    handler.connection.close()


def _stall(handler: _Handler) -> None:
    handler.asked.released.wait()
    handler.close_connection = True


def _error(message: str, code: str = "") -> bytes:
    return json.dumps({"type": "error", "error": {"type": code, "code": code, "message": message}}).encode()


_ANSWERS: dict[str, tuple[int, dict[str, str], bytes]] = {
    "429": (429, {"Retry-After": "7"}, _error("slow down", "rate_limit_error")),
    "429_ms": (429, {"retry-after-ms": "1500"}, _error("slow down", "rate_limit_error")),
    "429_reset": (
        429,
        {"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "1m30s"},
        _error("slow down", "rate_limit_error"),
    ),
    "429_quota": (429, {}, _error("You exceeded your current quota", "insufficient_quota")),
    "401": (401, {}, _error(f"Incorrect API key provided: {KEY}", "invalid_api_key")),
    "403": (403, {}, _error("no access", "permission_error")),
    "402": (402, {}, _error("pay first", "payment_required")),
    "404": (404, {}, _error("no such model", "model_not_found")),
    "400": (400, {}, _error(f"max_tokens is too large, said {KEY}", "invalid_request_error")),
    "400_context": (400, {}, _error("maximum context length is 10 tokens", "context_length_exceeded")),
    "413": (413, {}, _error("too large", "request_too_large")),
    "500": (500, {}, _error("oops", "api_error")),
    "503_html": (503, {"Content-Type": "text/html"}, b"<html>down</html>"),
    "529": (529, {}, _error("Overloaded", "overloaded_error")),
    "html_200": (200, {"Content-Type": "text/html"}, b"<html>captive portal</html>"),
    "empty_200": (200, {"Content-Type": "text/event-stream"}, b""),
    "redirect": (307, {"Location": "http://127.0.0.1:1/elsewhere"}, b""),
    "bad_gzip": (200, {"Content-Encoding": "gzip"}, b"not gzip"),
    "error_body_200": (200, {}, _error("overloaded", "overloaded_error")),
    "json_array": (200, {}, b"[1]"),
}
_BREAKS: dict[str, Callable[[_Handler], None]] = {"rst_before": reset, "stall_before": _stall}


def _pieces(text: str) -> list[str]:
    return [text[start : start + 5] for start in range(0, len(text), 5)]


def _sse(event: object, name: str = "") -> bytes:
    head = f"event: {name}\n" if name else ""
    return f"{head}data: {json.dumps(event)}\n\n".encode()


def _openai(text: str, mode: str) -> Iterator[bytes]:
    def chunk(delta: dict[str, Any], finish: str | None = None, **more: Any) -> bytes:
        choices = [{"index": 0, "delta": delta, "finish_reason": finish}]
        return _sse(
            {
                "id": "c1",
                "object": "chat.completion.chunk",
                "created": 1,
                "model": "m",
                "choices": choices,
                **more,
            }
        )

    yield chunk({"role": "assistant", "content": ""})
    if mode == "error_event":
        yield _sse({"error": {"message": "The server is overloaded", "type": "server_error", "code": 503}})
        return
    if mode == "invalid_utf8":
        yield chunk({"content": "?"}).replace(b"?", b"\xff\xfe")
    if mode == "surrogates":
        for half in ("a\ud83d", "\ude00b", "\ud800c"):
            yield chunk({"content": half})
    elif mode not in ("no_text", "length_no_text", "content_filter"):
        for piece in _pieces(text):
            yield chunk({"content": piece})
    if mode == "cut":
        return
    finish = {"length": "length", "length_no_text": "length", "content_filter": "content_filter"}.get(mode)
    yield chunk({}, finish or "stop")
    if mode == "no_done":
        return
    if mode != "no_usage":
        usage = {
            "prompt_tokens": 100,
            "completion_tokens": 20,
            "total_tokens": 120,
            "prompt_tokens_details": {"cached_tokens": 64},
        }
        yield _sse(
            {
                "id": "c1",
                "object": "chat.completion.chunk",
                "created": 1,
                "model": "m",
                "choices": [],
                "usage": usage,
            }
        )
    yield b"data: [DONE]\n\n"


def _anthropic(text: str, mode: str) -> Iterator[bytes]:
    def event(name: str, **fields: Any) -> bytes:
        return _sse({"type": name, **fields}, name)

    usage = {
        "input_tokens": 36,
        "output_tokens": 1,
        "cache_read_input_tokens": 64,
        "cache_creation_input_tokens": 0,
    }
    message = {
        "id": "m1",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": [],
        "stop_reason": None,
        "usage": usage,
    }
    yield event("message_start", message=message)
    if mode == "error_event":
        yield event("error", error={"type": "overloaded_error", "message": "Overloaded"})
        return
    yield event("content_block_start", index=0, content_block={"type": "text", "text": ""})
    if mode not in ("no_text", "length_no_text", "content_filter"):
        for piece in _pieces(text):
            yield event("content_block_delta", index=0, delta={"type": "text_delta", "text": piece})
    if mode == "cut":
        return
    yield event("content_block_stop", index=0)
    stop = {"length": "max_tokens", "length_no_text": "max_tokens", "content_filter": "refusal"}.get(
        mode, "end_turn"
    )
    yield event("message_delta", delta={"stop_reason": stop}, usage={"output_tokens": 20})
    if mode != "no_done":
        yield event("message_stop")


def _ollama(text: str, mode: str) -> Iterator[bytes]:
    for piece in _pieces(text):
        message = {"role": "assistant", "content": piece}
        yield (
            json.dumps(
                {"model": "m", "created_at": "2026-01-01T00:00:00Z", "message": message, "done": False}
            ).encode()
            + b"\n"
        )
    if mode == "cut":
        return
    last = {
        "model": "m",
        "created_at": "2026-01-01T00:00:00Z",
        "message": {"role": "assistant", "content": ""},
        "done": True,
        "done_reason": "stop",
        "prompt_eval_count": 100,
        "eval_count": 20,
    }
    yield json.dumps(last).encode() + b"\n"
