"""One small text in several languages, as good documents are, for tests of the quality rules."""

from __future__ import annotations

EN = (
    "The old harbour lies to the north of the town. Every morning the boats that have been out all night come back "
    "with their catch. People walk down from the market and wait along the wall. Some of them carry baskets, and "
    "others only want to talk. By noon the nets are hung up to dry. Then the whole place falls asleep until evening."
)
ZH = (
    "老港口在小城的北边，每天清晨，出海一夜的渔船都会满载而归。人们从集市上走下来，沿着石墙等候。有的人提着篮子，有的人只是想聊聊天。"
    "到了中午，渔网就挂起来晾干了。然后，整个地方都安静下来，一直睡到傍晚。这是我小时候最喜欢的地方，那里的风总是带着一点咸味。"
)
JA = (
    "古い港は町の北にあります。毎朝、一晩中海に出ていた船が魚をいっぱい積んで帰ってきます。人々は市場から歩いてきて、石の壁のそばで待ちます。"
    "かごを持っている人もいれば、ただ話をしたい人もいます。昼になると網は干されます。そして夕方まで、町はとても静かになります。"
)
TH = (
    "ท่าเรือเก่าอยู่ทางเหนือของเมือง ทุกเช้าเรือที่ออกทะเลตลอดคืนจะกลับมาพร้อมกับปลา "
    "และผู้คนเดินลงมาจากตลาดเพื่อรอ การรอคอยเป็นเรื่องสนุกในวันที่มีลม"
)
DE = (
    "Der alte Hafen liegt im Norden der Stadt. Jeden Morgen kommen die Boote, und die Leute warten an der Mauer. "
    "Das ist nicht neu, aber schön. Am Mittag hängen sie die Netze auf. Dann schläft der ganze Ort bis zum Abend. "
    "Es gibt dort auch ein kleines Gasthaus mit einem Garten, in dem man den ganzen Tag sitzen kann."
)
EL = (
    "Το παλιό λιμάνι βρίσκεται βόρεια της πόλης. " * 2 + "Κάθε πρωί οι βάρκες γυρίζουν. Ο κόσμος περιμένει στον τοίχο. "
)
KO = "오래된 항구는 도시 북쪽에 있습니다. 매일 아침 배들이 돌아옵니다. 사람들은 AI 이야기를 하며 기다립니다. "
