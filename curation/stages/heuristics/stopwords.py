"""Frequent function words, eight a language as in Rae et al. (2021), whose English list is the first.

Text that holds fewer than two of its language's list is seldom running prose. The words of spaced languages
are whole words in lower case; those of Chinese, Japanese and Thai are looked for anywhere in the text.
"""

from __future__ import annotations

from typing import Literal

Language = Literal[
    "auto", "en", "zh", "ja", "th", "ar", "cs", "da", "de", "es", "fa", "fi", "fr", "hi", "hu", "id", "it", "nl", "no",
    "pl", "pt", "ro", "ru", "sv", "tr", "uk", "vi",
]  # fmt: skip

SPACED: dict[str, tuple[str, ...]] = {
    "en": ("the", "be", "to", "of", "and", "that", "have", "with"),
    "ar": ("في", "من", "على", "إلى", "عن", "أن", "هذا", "التي"),
    "cs": ("je", "na", "že", "se", "pro", "jako", "které", "jsou"),
    "da": ("og", "af", "til", "ikke", "det", "som", "med", "er"),
    "de": ("der", "und", "ist", "nicht", "das", "mit", "den", "ein"),
    "es": ("que", "los", "para", "por", "una", "como", "las", "del"),
    "fa": ("در", "به", "از", "که", "این", "است", "با", "را"),
    "fi": ("ja", "on", "ei", "se", "että", "ovat", "oli", "myös"),
    "fr": ("les", "des", "est", "une", "dans", "pour", "qui", "le"),
    "hi": ("के", "है", "में", "की", "से", "और", "का", "को"),
    "hu": ("az", "és", "hogy", "nem", "egy", "van", "volt", "meg"),
    "id": ("yang", "dan", "di", "untuk", "dengan", "dari", "ini", "pada"),
    "it": ("che", "di", "per", "sono", "della", "una", "il", "non"),
    "nl": ("het", "een", "van", "niet", "dat", "voor", "zijn", "de"),
    "no": ("og", "av", "til", "ikke", "det", "som", "med", "er"),
    "pl": ("nie", "jest", "się", "na", "oraz", "jak", "przez", "dla"),
    "pt": ("que", "não", "uma", "para", "com", "dos", "como", "os"),
    "ro": ("și", "este", "pentru", "care", "din", "nu", "mai", "cu"),
    "ru": ("и", "в", "не", "на", "что", "с", "это", "по"),
    "sv": ("och", "att", "som", "för", "inte", "är", "med", "det"),
    "tr": ("ve", "bir", "bu", "için", "ile", "olarak", "çok", "daha"),
    "uk": ("і", "в", "не", "на", "що", "з", "це", "та"),
    "vi": ("và", "của", "là", "có", "không", "được", "cho", "trong"),
}

UNSPACED: dict[str, tuple[str, ...]] = {
    "zh": ("的", "是", "在", "和", "有", "了", "不", "这"),
    "ja": ("の", "に", "は", "を", "が", "と", "で", "て"),
    "th": ("ที่", "และ", "การ", "เป็น", "ใน", "ของ", "ได้", "มี"),
}

# Spaced scripts with a list above. Text in any other script (Greek, Hebrew, Korean …) has nothing to be held
# against.
COVERED_SCRIPTS = r"[\p{Latin}\p{Cyrillic}\p{Arabic}\p{Devanagari}]"
