"""The closed set of entity types, named as Presidio names them where it does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

Tier = Literal["structured", "secret", "name"]


@dataclass(frozen=True, slots=True)
class Entity:
    """A type of entity. tier: which search finds it; masked: whether it is masked unless the recipe says otherwise."""

    name: str
    tier: Tier
    description: str
    masked: bool = True


_ALL = (
    Entity("EMAIL_ADDRESS", "structured", "an e-mail address"),
    Entity(
        "PHONE_NUMBER", "structured", "a phone number: mainland China, Hong Kong, Taiwan, US, Europe, international"
    ),
    Entity("CN_ID_CARD", "structured", "a resident identity number of mainland China, its checksum right"),
    Entity("HK_ID_CARD", "structured", "a Hong Kong identity card number, its check digit right"),
    Entity("TW_ID_CARD", "structured", "a Taiwan identity card number, its check digit right"),
    Entity("PASSPORT", "structured", "a passport number, in context"),
    Entity("CREDIT_CARD", "structured", "a bank or credit card number that passes Luhn"),
    Entity("CN_USCC", "structured", "a unified social credit code of a Chinese organisation", masked=False),
    Entity("LICENSE_PLATE", "structured", "a licence plate of mainland China, new-energy plates included"),
    Entity("IBAN_CODE", "structured", "an international bank account number, its checksum right"),
    Entity("US_SSN", "structured", "a US social security number"),
    Entity("IP_ADDRESS", "structured", "an IPv4 or IPv6 address"),
    Entity("MAC_ADDRESS", "structured", "a hardware address"),
    Entity("DATE_OF_BIRTH", "structured", "a date of birth, in context"),
    Entity("MEDICAL_RECORD", "structured", "a medical record number, in context"),
    Entity("CHAT_ID", "structured", "a WeChat or QQ id, in context"),
    Entity("URL_TOKEN", "structured", "a web address that carries a token, a key or a password"),
    Entity("CRYPTO", "structured", "a wallet address, its checksum right"),
    Entity("API_KEY", "secret", "a key of a known provider"),
    Entity("JWT", "secret", "a JSON web token"),
    Entity("PRIVATE_KEY", "secret", "a private key in PEM"),
    Entity("CONNECTION_STRING", "secret", "a connection string with a password"),
    Entity("SECRET", "secret", "a password or an assignment of high entropy"),
    Entity("PERSON", "name", "a person's name"),
    Entity("ADDRESS", "name", "a postal address, down to a street or a house"),
    Entity("LOCATION", "name", "a place", masked=False),
    Entity("ORGANIZATION", "name", "a company, an institution", masked=False),
)

ENTITIES: Mapping[str, Entity] = MappingProxyType({entity.name: entity for entity in _ALL})
MASKED = tuple(entity.name for entity in _ALL if entity.masked)
