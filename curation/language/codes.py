"""The languages that can be told apart: their codes (ISO 639-1, or 639-3 where there is none) and English names."""

from __future__ import annotations

import re

from curation.errors import nearest

UNKNOWN = "unknown"

# fmt: off
LANGUAGES: dict[str, str] = {
    "af": "Afrikaans", "als": "Alemannic", "am": "Amharic", "an": "Aragonese", "ar": "Arabic", "as": "Assamese",
    "ast": "Asturian", "av": "Avar", "az": "Azerbaijani", "azb": "South Azerbaijani", "ba": "Bashkir",
    "bar": "Bavarian", "bcl": "Central Bikol", "be": "Belarusian", "bg": "Bulgarian", "bh": "Bihari", "bn": "Bengali",
    "bo": "Tibetan", "bpy": "Bishnupriya", "br": "Breton", "bs": "Bosnian", "bxr": "Buryat", "ca": "Catalan",
    "cbk": "Chavacano", "ce": "Chechen", "ceb": "Cebuano", "ckb": "Central Kurdish", "co": "Corsican", "cs": "Czech",
    "cv": "Chuvash", "cy": "Welsh", "da": "Danish", "de": "German", "diq": "Zazaki", "dsb": "Lower Sorbian",
    "dty": "Doteli", "dv": "Dhivehi", "el": "Greek", "eml": "Emilian-Romagnol", "en": "English", "eo": "Esperanto",
    "es": "Spanish", "et": "Estonian", "eu": "Basque", "fa": "Persian", "fi": "Finnish", "fr": "French",
    "frr": "North Frisian", "fy": "West Frisian", "ga": "Irish", "gd": "Scottish Gaelic", "gl": "Galician",
    "gn": "Guarani", "gom": "Konkani", "gu": "Gujarati", "gv": "Manx", "he": "Hebrew", "hi": "Hindi",
    "hif": "Fiji Hindi", "hr": "Croatian", "hsb": "Upper Sorbian", "ht": "Haitian Creole", "hu": "Hungarian",
    "hy": "Armenian", "ia": "Interlingua", "id": "Indonesian", "ie": "Interlingue", "ilo": "Ilocano", "io": "Ido",
    "is": "Icelandic", "it": "Italian", "ja": "Japanese", "jbo": "Lojban", "jv": "Javanese", "ka": "Georgian",
    "kk": "Kazakh", "km": "Khmer", "kn": "Kannada", "ko": "Korean", "krc": "Karachay-Balkar", "ku": "Kurdish",
    "kv": "Komi", "kw": "Cornish", "ky": "Kyrgyz", "la": "Latin", "lb": "Luxembourgish", "lez": "Lezgian",
    "li": "Limburgish", "lmo": "Lombard", "lo": "Lao", "lrc": "Northern Luri", "lt": "Lithuanian", "lv": "Latvian",
    "mai": "Maithili", "mg": "Malagasy", "mhr": "Meadow Mari", "min": "Minangkabau", "mk": "Macedonian",
    "ml": "Malayalam", "mn": "Mongolian", "mr": "Marathi", "mrj": "Hill Mari", "ms": "Malay", "mt": "Maltese",
    "mwl": "Mirandese", "my": "Burmese", "myv": "Erzya", "mzn": "Mazanderani", "nah": "Nahuatl", "nap": "Neapolitan",
    "nds": "Low German", "ne": "Nepali", "new": "Newar", "nl": "Dutch", "nn": "Norwegian Nynorsk", "no": "Norwegian",
    "oc": "Occitan", "or": "Odia", "os": "Ossetian", "pa": "Punjabi", "pam": "Kapampangan", "pfl": "Palatine German",
    "pl": "Polish", "pms": "Piedmontese", "pnb": "Western Punjabi", "ps": "Pashto", "pt": "Portuguese",
    "qu": "Quechua", "rm": "Romansh", "ro": "Romanian", "ru": "Russian", "rue": "Rusyn", "sa": "Sanskrit",
    "sah": "Yakut", "sc": "Sardinian", "scn": "Sicilian", "sco": "Scots", "sd": "Sindhi", "sh": "Serbo-Croatian",
    "si": "Sinhala", "sk": "Slovak", "sl": "Slovenian", "so": "Somali", "sq": "Albanian", "sr": "Serbian",
    "su": "Sundanese", "sv": "Swedish", "sw": "Swahili", "ta": "Tamil", "te": "Telugu", "tg": "Tajik", "th": "Thai",
    "tk": "Turkmen", "tl": "Tagalog", "tr": "Turkish", "tt": "Tatar", "tyv": "Tuvan", "ug": "Uyghur",
    "uk": "Ukrainian", "ur": "Urdu", "uz": "Uzbek", "vec": "Venetian", "vep": "Veps", "vi": "Vietnamese",
    "vls": "West Flemish", "vo": "Volapük", "wa": "Walloon", "war": "Waray", "xal": "Kalmyk", "xmf": "Mingrelian",
    "yi": "Yiddish", "yo": "Yoruba", "zh": "Chinese",
}
# fmt: on

# Varieties the model has labels of its own for, and the written language they are counted under. Short Chinese is often
# labelled Wu or Cantonese, short Arabic Egyptian; the texts of a data set hardly ever are.
MERGED = {"wuu": "zh", "yue": "zh", "arz": "ar"}

# Other names in use for the same language.
ALIASES = {"nb": "no", "iw": "he", "in": "id", "fil": "tl", "cmn": "zh", "jp": "ja", "kr": "ko", "cn": "zh", **MERGED}

# The languages most text in the world is written in. Any other is given `RARE_ODDS` of its probability: on single
# words and headings the model names one of its hundred small languages far more often than one is met.
COMMON = frozenset(
    "af ar az be bg bn bs ca cs da de el en es et eu fa fi fr gl gu he hi hr hu hy id is it ja ka kk km kn ko lo lt "
    "lv mk ml mn mr ms my ne nl no pa pl pt ro ru si sk sl sq sr sv sw ta te th tl tr uk ur uz vi zh".split()
)
RARE_ODDS = 0.05


def language_code(name: str) -> str:
    """The code a language is detected under: "zh-CN" → "zh", "nb" → "no". Raises ValueError with a hint."""
    code = re.split(r"[-_]", name.strip().lower())[0]
    code = ALIASES.get(code, code)
    if code in LANGUAGES:
        return code
    by_name = {title.lower(): code for code, title in LANGUAGES.items()}
    if name.strip().lower() in by_name:
        return by_name[name.strip().lower()]
    close = nearest(name.strip().capitalize(), LANGUAGES.values())
    hint = close if close.startswith("Did") else "Use ISO 639 codes such as en, zh, ja, fr."
    raise ValueError(f"unknown language {name!r}. {hint}")
