"""Tell which models are relatives: a judge tends to favor answers of its own family.

Found again and again, e.g. by A. Panickssery et al., "LLM Evaluators Recognize and Favor Their Own
Generations" (https://arxiv.org/abs/2404.13076), and by L. Zheng et al., "Judging LLM-as-a-Judge
with MT-Bench and Chatbot Arena" (https://arxiv.org/abs/2306.05685).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

# Beginnings of the names that the makers give their models, by family.
_FAMILIES: Mapping[str, tuple[str, ...]] = {
    "gpt": ("gpt", "chatgpt", "o1", "o3", "o4", "codex", "davinci", "babbage"),
    "llama": ("llama", "meta-llama", "codellama"),
    "mistral": ("mistral", "mixtral", "ministral", "magistral", "codestral", "open-mistral"),
    "qwen": ("qwen", "qwq"),
    "deepseek": ("deepseek",),
    "phi": ("phi",),
    "claude": ("claude",),
    "gemini": ("gemini", "gemma"),
    "command": ("command", "cohere", "c4ai"),
    "grok": ("grok",),
}
_LETTERS = re.compile(r"[a-z]+")


def family_of(model: str) -> str:
    """Name the family of a model by its id, in lower case; empty for an id without letters.

    A tuned model (`ft:<base>:…`) is of its base's family, and the name of a house before a slash
    does not count. Of a model that is not known, the letters that its id begins with are taken.
    """
    name = model.casefold().removeprefix("ft:").partition(":")[0].rpartition("/")[2]
    for family, beginnings in _FAMILIES.items():
        if name.startswith(beginnings):
            return family
    found = _LETTERS.search(name)
    return "" if found is None else found[0]
