"""Count tokens: by estimate without any table, or exactly with the extra `tokens`."""

from __future__ import annotations

import string
from collections.abc import Callable
from typing import TYPE_CHECKING

from tailorbird.exceptions import ConfigError, InvalidInputError, MissingExtraError
from tailorbird.text.memo import memo

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tiktoken import Encoding

    from tailorbird.types.chat import Message

TokenCounter = Callable[[str], int]
"""Gives the number of tokens of a text, at least 0."""

# Tokens for each character of a kind, and for each run between white space. Fitted by least squares
# of the relative error against o200k_base on XQuAD, JSQuAD, Contoso's pages, chat training files,
# Python, JavaScript and Markdown (2026-11). The weights below the line are set from a paragraph in
# each of 13 languages and may be 30 % off.
_WORD = 0.68
_ASCII_KINDS = (
    (string.ascii_lowercase, 0.08),
    (string.ascii_uppercase, 0.109),
    (string.digits, 0.527),
    (string.punctuation, 0.666),
    ("\n", 0.722),
)
# Told apart by the first byte of a character in UTF-8.
_JAPANESE_KINDS = (
    (range(0xE3, 0xE4), 0.745),  # kana, `、。「」`
    (range(0xE4, 0xEA), 0.931),  # Chinese characters
)
# ---
_OTHER_KINDS = (
    (range(0xC2, 0xE0), 0.2),  # accented Latin, Greek, Cyrillic, Hebrew, Arabic
    (range(0xE0, 0xE2), 0.33),  # Indic scripts, Thai, Vietnamese accents
    (range(0xE2, 0xE3), 1.0),  # typographic marks and symbols
    (range(0xEA, 0xEE), 0.55),  # Korean
    (range(0xEE, 0xF0), 1.1),  # full and half width forms
    (range(0xF0, 0xF5), 1.6),  # emoji, rare Chinese characters
)
_ASCII = bytes(range(0x80))
_JAPANESE = bytes(range(0x80, 0xC0)) + bytes(range(0xE3, 0xEA))  # inner bytes as well
_ASCII_TABLE = tuple((kind.encode("ascii"), weight) for kind, weight in _ASCII_KINDS)
_JAPANESE_TABLE = tuple((bytes(kind), weight) for kind, weight in _JAPANESE_KINDS)
_OTHER_TABLE = tuple((bytes(kind), weight) for kind, weight in _OTHER_KINDS)

# How OpenAI's notebook counts a chat example: 3 tokens frame each message, 1 goes with a name, 3
# open the answer; role, name and content are counted as text. "Data preparation and analysis for
# chat model fine-tuning",
# https://github.com/openai/openai-cookbook/blob/main/examples/Chat_finetuning_data_prep.ipynb (read
# 2026-11). Its encoding, cl100k_base, is older than the models that are tuned today.
_PER_MESSAGE = 3
_PER_NAME = 1
_PER_EXAMPLE = 3

# From the same notebook: what a job does with `n_epochs` set to `auto`, as far as it is published.
_TARGET_EPOCHS = 3
_MIN_TARGET_EXAMPLES = 100
_MAX_TARGET_EXAMPLES = 25_000
_MAX_EPOCHS = 25


@memo(longest=400, most=1 << 11)
def estimate_tokens(text: str) -> int:
    """Estimate the tokens of a text in the encoding o200k_base (gpt-4o, gpt-4.1 and later).

    Looks at the kinds of characters only, so it needs no table. Mean absolute error, each text
    alone: 4 to 6 % on paragraphs of English and Japanese prose and on code, 5 to 8 % on questions,
    25 % on answers of a few words; other languages may be 30 % off. Sums over a file of prose or
    code come within 6 %.

    Returns:
        At least 1 for a text that is not empty, 0 for an empty one.
    """
    return max(1, round(token_estimate(text))) if text else 0


def token_estimate(text: str) -> float:
    """Give the estimate of `estimate_tokens` unrounded, so that parts add up to their whole."""
    data = text.encode("utf-8", "surrogatepass")
    total = _WORD * len(data.split())
    wide = b"" if text.isascii() else data.translate(None, _ASCII)
    # What is rare is looked for in what is left of the frequent.
    other = wide.translate(None, _JAPANESE) if wide else b""
    for part, table in ((data, _ASCII_TABLE), (wide, _JAPANESE_TABLE), (other, _OTHER_TABLE)):
        if size := len(part):
            for kind, weight in table:
                total += weight * (size - len(part.translate(None, kind)))
    return total


def exact_counter(encoding: str = "o200k_base") -> TokenCounter:
    """Give a counter that tokenizes with OpenAI's own tables; needs the extra `tokens`.

    tiktoken loads its table over the network on first use and keeps it in a cache, whose folder the
    environment variable TIKTOKEN_CACHE_DIR can name. Special tokens in the text, such as
    `<|endoftext|>`, are counted as the plain text they are.

    Args:
        encoding: `o200k_base` for gpt-4o, gpt-4.1 and later; `cl100k_base` for older models and
            embeddings.

    Raises:
        MissingExtraError: tiktoken is not installed.
        ConfigError: There is no encoding of that name, or its table cannot be loaded.
    """
    table = _table(encoding)
    return lambda text: len(table.encode_ordinary(text))


def exact_reader(encoding: str = "cl100k_base") -> Callable[[Sequence[int]], str]:
    """Give a function that turns token numbers back into their text; needs the extra `tokens`.

    Clients that tokenize by themselves send numbers in place of texts. Bytes that are no UTF-8
    become U+FFFD. The function raises `InvalidInputError` for a number that is no token.

    Args:
        encoding: As for `exact_counter`.

    Raises:
        MissingExtraError: tiktoken is not installed.
        ConfigError: There is no encoding of that name, or its table cannot be loaded.
    """
    table = _table(encoding)

    def read(tokens: Sequence[int]) -> str:
        try:
            return table.decode(tokens)
        except (KeyError, OverflowError) as exc:
            message = f"{exc} is no token of the encoding {encoding!r}"
            raise InvalidInputError(message) from exc

    return read


def _table(encoding: str) -> Encoding:
    try:
        import tiktoken  # noqa: PLC0415 - an extra; 285 ms and 86 MB with its table
    except ImportError as exc:
        raise MissingExtraError(package="tiktoken", extra="tokens") from exc
    known = tiktoken.list_encoding_names()
    if encoding not in known:
        message = f"tiktoken has no encoding {encoding!r}: take one of {', '.join(sorted(known))}"
        raise ConfigError(message)
    try:
        return tiktoken.get_encoding(encoding)
    except Exception as exc:  # a border: the download fails in ways of its HTTP library
        raise ConfigError(
            f"the table of the encoding {encoding!r} could not be loaded ({type(exc).__name__}):"
            " allow the download once, or point TIKTOKEN_CACHE_DIR to a folder that holds it, or"
            " take estimate_tokens, which needs no table"
        ) from exc


def message_tokens(messages: Iterable[Message], count: TokenCounter = estimate_tokens) -> int:
    """Count the tokens that a conversation takes as a training example or as a prompt.

    Role, name and text of each message by `count`, 3 for the frame of each message, 1 for each
    name, and 3 for the conversation. The names and arguments of tool calls count as text; images do
    not count, as their price depends on their size.

    Returns:
        At least 3.
    """
    total = _PER_EXAMPLE
    for message in messages:
        texts = [message.role, message.text]
        texts += [part for call in message.tool_calls for part in (call.name, call.arguments)]
        if message.name is not None:
            texts.append(message.name)
            total += _PER_NAME
        total += _PER_MESSAGE + sum(map(count, texts))
    return total


def auto_epochs(examples: int) -> int:
    """Give the number of epochs that a job with `n_epochs="auto"` is expected to run.

    3, but as many as it takes to see 100 examples in all (25 at most), and as few as keep it below
    25,000 (1 at least). The rule of OpenAI's notebook; what a job really did stands in its
    hyperparameters.

    Raises:
        InvalidInputError: `examples` is below 1.
    """
    if examples < 1:
        raise InvalidInputError(f"at least one example is needed, got {examples!r}")
    if examples * _TARGET_EPOCHS < _MIN_TARGET_EXAMPLES:
        return min(_MAX_EPOCHS, _MIN_TARGET_EXAMPLES // examples)
    if examples * _TARGET_EPOCHS > _MAX_TARGET_EXAMPLES:
        return max(1, _MAX_TARGET_EXAMPLES // examples)
    return _TARGET_EPOCHS
