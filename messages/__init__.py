"""Every sentence HedgeBridge says, in English and Chinese, by id: `say(Message("pull.page_failed", {...}), "zh")`."""

from messages.catalog import LANGUAGES, Message, Text, all_texts, find_text, resolve_language, say

__all__ = ["LANGUAGES", "Message", "Text", "all_texts", "find_text", "resolve_language", "say"]
