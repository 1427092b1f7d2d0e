"""The texts of the sample documents: invented, and in the public domain (CC0 1.0)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Table:
    """Rows of cells; the first is the head."""

    rows: tuple[tuple[str, ...], ...]


Part = str | Table

FERRY: tuple[str, tuple[Part, ...]] = (
    "Quillan Sound Ferries: passenger handbook",
    (
        "Quillan Sound Ferries has carried people, post and sheep between the town of Orrin and the three islands of the "
        "Sound since 1908. This handbook says what a passenger has to know. It is printed every March, and the crews carry "
        "a copy on every crossing.",
        "## Tickets",
        "Tickets are sold at the pier in Orrin, on board, and by the post offices of the islands. A ticket bought on board "
        "costs two crowns more. Children under seven travel free of charge, and so does anybody who brings the post. A "
        "return ticket is valid for ninety days, and it may be used by a different person on the way back.",
        Table(
            (
                ("Crossing", "Single", "Return", "Time"),
                ("Orrin to Fennay", "9 crowns", "15 crowns", "35 minutes"),
                ("Orrin to Great Scar", "14 crowns", "24 crowns", "70 minutes"),
                ("Orrin to Little Scar", "16 crowns", "27 crowns", "95 minutes"),
            )
        ),
        "Residents of the islands pay half of the fare. They need the blue card, which the harbour office issues within "
        "three days and which has to be renewed every second year.",
        "## Luggage and bicycles",
        "Each passenger may bring 30 kilograms of luggage without charge. Bicycles cost four crowns and stand on the after "
        "deck, tied to the rail with the ropes that hang there. In waves higher than two metres bicycles are not taken, "
        "because the after deck is awash. Beehives travel only on the first boat of the day, when the air is cool, and "
        "have to be closed with a fine net. A piano needs four carriers and must be announced a week before.",
        "## Weather",
        "The boats sail in winds up to force eight. Above that the harbour master in Orrin decides, and the decision is "
        "shown by flags: a yellow flag means that the next crossing is late, two yellow flags that it is cancelled. When "
        "crossings have been cancelled for more than two days, the company lends every stranded passenger a bed in the old "
        "customs house and a bowl of soup in the evening. The longest interruption so far lasted eleven days, in February "
        "1954.",
        "## The boats",
        "The company has two boats. The Margit was built in 1987, carries 140 passengers and has a covered saloon with a "
        "stove. The Small Hanne is older, was built in 1962 for 60 passengers, and sails in summer only. Both burn oil made "
        "from herring waste, which is why the exhaust smells of a kitchen. The engine of the Small Hanne is started by hand "
        "with a crank, and passengers who wish to try it may ask the engineer.",
        "## Lost property",
        "Whatever is found on board is kept in Orrin for one year. Umbrellas are kept for one month only, since there are "
        "so many of them; afterwards they are given to the school on Fennay, where each child owns at least one. False teeth "
        "can be claimed at any time, without questions. In 2019 a cello was returned to its owner after fourteen years, "
        "because the lighthouse keeper recognised its case in a photograph.",
        "## Complaints",
        "Complaints are heard by the captain on the first Monday of each month at six in the evening, in the saloon of the "
        "Margit. They should be brief. An answer is given in writing within twenty days. If the complaint is justified, the "
        "company pays back twice the fare; if it is about the weather, the company offers its sympathy and a cup of tea.",
    ),
)

ORCHARD: tuple[str, tuple[Part, ...]] = (
    "The press at Brannoch orchard",
    (
        "The Brannoch cooperative presses the apples of 62 small orchards. These notes are for the people who help in the "
        "five weeks of the season, from the middle of September on.",
        "## Bringing apples",
        "Apples are taken on Tuesdays and Fridays between eight and four. Each delivery is weighed, and the grower gets a "
        "slip with the weight and the lot number. Apples that have lain on the ground for more than two days are refused, "
        "since they carry mould into the juice. A delivery under 40 kilograms is pressed together with others; from 40 "
        "kilograms on a grower may ask for juice from his or her own trees.",
        "## From apple to juice",
        "- The apples are washed twice, the second time with water of at most 12 degrees.",
        "- The mill cuts them to pieces of four millimetres. Finer pieces would clog the cloths.",
        "- The pulp rests for twenty minutes in the oak trough, so that it browns and gives more juice.",
        "- Nine layers of pulp in linen cloths are pressed at 180 bar for half an hour.",
        "- The juice runs through a sieve and is heated to 78 degrees before it is bottled.",
        "From 100 kilograms of apples come 65 litres of juice. What is left in the cloths goes to the pig farm at Tarrow, "
        "which pays with a ham at Christmas.",
        "## Varieties",
        Table(
            (
                ("Variety", "Ripe", "Sugar", "Good for"),
                ("Brannoch Russet", "late September", "14 percent", "cider"),
                ("Lady Ashmore", "early October", "11 percent", "juice"),
                ("Winter Bell", "mid October", "13 percent", "keeping until March"),
            )
        ),
        "The Brannoch Russet was found as a seedling beside the railway in 1921. It is thought to have grown from a core "
        "that somebody threw out of a train. All trees of the variety descend from that one, which was felled by the storm "
        "of 1978; a table made of its wood stands in the office.",
        "## Cleaning",
        "The press is washed at the end of each day, with hot water and a brush, and never with soap, which would stay in "
        "the wood. The cloths are boiled for ten minutes and dried in the sun. Whoever forgets the cloths buys new ones: a "
        "cloth costs 38 crowns and lasts about three seasons.",
        "## Wasps",
        "Wasps come with the sweet varieties in the afternoon. The best remedy is a saucer of spoiled juice at the far end "
        "of the yard. In 2017 a nest in the weighing hut stopped the work for a whole Friday, and the apples of that day "
        "were pressed by lamplight, which the older members still call the best juice they have ever made.",
    ),
)

BEES: tuple[str, tuple[tuple[str, tuple[str, ...], Table | None, str], ...]] = (
    "Bees on a town roof",
    (
        (
            "Why a roof",
            (
                "The roof of the market hall lies 19 metres above the street, higher than people and lower than most wind.",
                "Lime trees along the canal flower for three weeks in June and give two thirds of the honey.",
                "Nobody sprays poison in the town gardens since the decision of 2014.",
            ),
            None,
            "",
        ),
        (
            "What a hive needs",
            (
                "Morning sun, shade at noon, and a wall at its back.",
                "Water within 50 metres: a shallow basin with stones, filled every other day.",
                "A strap around the hive, because a gale in 2016 carried one into the fish stalls.",
            ),
            None,
            "The fishmonger kept the hive for two days and asked for one jar of honey as rent.",
        ),
        (
            "Weights through the year",
            ("Hives are weighed on the first Sunday of every second month.",),
            Table(
                (
                    ("Month", "Weight", "What it means"),
                    ("April", "17 kg", "the stores are nearly gone; feed below 15 kg"),
                    ("June", "41 kg", "time for the first honey"),
                    ("October", "28 kg", "enough for the winter"),
                )
            ),
            "",
        ),
        (
            "Harvest",
            (
                "Honey is taken twice, at the end of June and in the first week of August.",
                "Each hive keeps at least 12 kilograms for itself.",
                "The market hall gets a tenth of the honey and sells it by the glass of 250 grams.",
            ),
            None,
            "",
        ),
    ),
)

RIVER: tuple[str, tuple[tuple[str, tuple[str, ...]], ...]] = (
    "灯河镇的河灯",
    (
        (
            "第一章 镇子与河",
            (
                "灯河镇在两条小河汇合的地方，人口不到四千。每年农历七月的最后三个晚上，镇上的人把纸灯放进河里，让它们顺水漂到下游的石桥。"
                "这个习惯从一八三六年开始，那一年洪水冲走了渡船，船工陈守义在黑夜里点了一百二十盏灯，给对岸的人照路。",
                "石桥有五个桥孔。灯要从中间的桥孔穿过去，才算走完了全程。老人说，从边上的桥孔漂走的灯，来年要多做一盏补上。"
                "二〇〇三年修桥的时候，工人在中间桥孔的石缝里找到了四十多个灯座，最早的一个刻着一八七一年。",
            ),
        ),
        (
            "第二章 怎样做一盏灯",
            (
                "灯纸用构树皮做，先泡七天，再煮一夜，捣碎以后抄成薄纸。一张纸可以糊两盏灯。纸上刷三遍桐油，第一遍要薄，"
                "第二遍等半天再刷，第三遍在下水前一天刷，刷早了会发黄。",
                "灯架用三年的毛竹，劈成两毫米宽的竹条。灯座是一块杉木板，中间挖一个小坑放蜡。蜡里掺一成蜂蜡，可以烧四个小时，"
                "正好够一盏灯漂到石桥。二〇一五年以后，镇上规定不许用塑料和铁丝，漂到桥下的灯第二天早上由学生收回来，"
                "灯座洗净晒干，明年再用。",
            ),
        ),
        (
            "第三章 做灯的人",
            (
                "镇上现在有六户人家做灯，最有名的是林秋月。她十一岁跟外婆学手艺，今年七十三岁，一共做过三万多盏灯。"
                "她的灯从不画花，只在灯底写一个字，写什么由买灯的人说。写得最多的字是“归”。",
                "林秋月收了三个徒弟，其中一个是从外地来的工程师。他用了两年时间，算出灯座做成椭圆形可以少偏三成，"
                "林秋月试了一个夏天，说：“你算得对，可是圆的好看。”后来镇上两种灯都做，椭圆的给孩子，圆的给老人。",
            ),
        ),
    ),
)
