"""Words that fakes are made of. Nobody has such a name: surnames are invented, Chinese given names only count, as A, B, C do.

So a fake can be told from a real value, and masking what is masked changes nothing. There are 20,480 English and 7,200
Chinese names: two people may get the same fake. Where it must be told who is who, use pseudonyms.
"""

from __future__ import annotations

import re

from curation.privacy.pseudonyms import Draw

GIVEN = (
    "Alma Arlo Beth Carl Cora Dale Dora Earl Edna Elsa Emil Enid Erik Esme Faye Finn Flora Fritz Gail Glen Greta Gus Hana "
    "Hank Hedy Hugo Ida Igor Ines Ivan Iris Jade Jens Joan Jude June Karl Kay Kurt Lars Lena Leif Lola Luis Lyle Maud Mila "
    "Milo Mona Nell Nils Nora Odin Olga Otis Otto Petra Pia Quinn Rolf Rhea Seth Thea Vera"
).split()
_HEADS = (
    "Quarr Velm Thren Ostrel Brasp Caldrev Drovim Jarnt Kelvim Lornak Mervant Norvik Pellan Ruskel Scorv Tarvel Ulmar "
    "Varnick Yarlen Zellim"
).split()
_TAILS = "wick bourne mere stead holt gate vale thwaite combe worth ington leigh haven more dale ridge".split()
# Surnames, Chinese: a hundred of the commonest. The given names are two different heavenly stems, without 丁: people are
# called 丁丁.
FAMILY = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈姚卢姜崔钟谭陆汪范金石"
    "廖贾夏韦付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔向汤"
)
STEMS = "甲乙丙戊己庚辛壬癸"
_SURNAME = f"(?:{'|'.join(_HEADS)})(?:{'|'.join(_TAILS)})"
_PAIR = f"[{STEMS}]{{2}}"

# Every fake that has words in it, as a regular expression; a place where one stands is not searched again.
SHAPES = "|".join(
    [
        rf"[a-z]+\.(?:{_SURNAME.lower()})\d{{4}}@example\.(?:com|net|org)",
        rf"\d{{1,4}} {_SURNAME} Road, Nowhere",
        rf"(?:(?:{'|'.join(GIVEN)}) )?{_SURNAME}(?: Ltd)?",
        rf"虚云市{_PAIR}路\d{{1,4}}号",
        rf"{_PAIR}虚(?:市|公司)",
        rf"[{FAMILY}]{_PAIR}",
        r"https://example\.com/[0-9a-f]{4,64}(?![0-9a-f])",
    ]
)
FAKE = re.compile(SHAPES)


def given(draw: Draw) -> str:
    """A given name that is common enough to mean nobody."""
    return GIVEN[draw.below(len(GIVEN))]


def surname(draw: Draw) -> str:
    """A surname that nobody has."""
    return _HEADS[draw.below(len(_HEADS))] + _TAILS[draw.below(len(_TAILS))]


def pair(draw: Draw) -> str:
    """Two different characters that count: 甲丙."""
    first = draw.below(len(STEMS))
    return STEMS[first] + STEMS[(first + 1 + draw.below(len(STEMS) - 1)) % len(STEMS)]


def family(draw: Draw) -> str:
    """A common Chinese surname."""
    return FAMILY[draw.below(len(FAMILY))]
