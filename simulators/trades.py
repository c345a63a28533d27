"""The trades of a park of small firms: what each does with its hours, power, water, people and lorries.

Figures are ours, chosen so that 45 enterprises come near the means of the county survey (21.5 staff
and 3,320 m2 an enterprise, domain.md section 1); loads per m2 are what sub-metered light industry shows.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Trade:
    """One trade; shares are of a usual working day or of full load."""

    key: str
    words: tuple[str, ...]  # in a company's name
    weight: float  # share of a park's enterprises
    staff: tuple[int, int]
    load: float  # W/m2 at full work
    floor: float  # share of full load at night
    shifts: str  # day | two | three | office | shop
    saturday: float
    sunday: float
    cooling: float  # share of full load that follows the weather
    water: float  # m3/h at full work, beside what people use
    pieces: float  # an hour at full work; 0: makes nothing countable
    vehicles: float  # a working day
    parcels: float  # a working day
    warmth: float  # degC indoors above outdoors at full work
    noise: float  # dB indoors at full work
    use: str  # permitted use
    fire_class: str  # of production or storage, GB 50016
    emission: str = ""  # metric of its discharge, if it has one
    gas: bool = False
    cold: float | None = None  # degC of its cold room


TRADES = (
    Trade(
        "machining",
        ("精密机械", "五金制造", "数控科技"),
        7,
        (12, 40),
        38,
        0.06,
        "two",
        0.7,
        0.06,
        0.10,
        0.25,
        90,
        7,
        3,
        3.0,
        78,
        "机械加工",
        "丁类",
    ),
    Trade(
        "textile",
        ("纺织", "针织", "织造"),
        5,
        (18, 55),
        34,
        0.10,
        "three",
        0.95,
        0.75,
        0.12,
        1.8,
        140,
        8,
        6,
        4.0,
        82,
        "纺织",
        "丙类",
        "cod",
    ),
    Trade(
        "furniture",
        ("家具", "木业", "家居制品"),
        4,
        (12, 35),
        18,
        0.04,
        "day",
        0.6,
        0.04,
        0.10,
        0.15,
        16,
        8,
        4,
        1.5,
        80,
        "木制品加工",
        "丙类",
        "nmhc",
    ),
    Trade(
        "plastics",
        ("塑业", "塑胶制品", "注塑科技"),
        5,
        (10, 32),
        55,
        0.12,
        "three",
        0.9,
        0.6,
        0.14,
        0.9,
        420,
        7,
        4,
        5.0,
        76,
        "塑料制品",
        "丙类",
        "nmhc",
    ),
    Trade(
        "electronics",
        ("电子", "智能科技", "光电"),
        5,
        (15, 60),
        30,
        0.12,
        "day",
        0.55,
        0.08,
        0.28,
        0.2,
        260,
        5,
        12,
        1.0,
        58,
        "电子装配",
        "丁类",
    ),
    Trade(
        "food",
        ("食品", "调味品", "烘焙食品"),
        3,
        (14, 45),
        32,
        0.18,
        "two",
        0.8,
        0.25,
        0.16,
        2.4,
        520,
        9,
        14,
        3.5,
        66,
        "食品加工",
        "丙类",
        "cod",
        gas=True,
    ),
    Trade(
        "cold_store",
        ("冷链", "冷冻食品", "冷藏物流"),
        2,
        (6, 16),
        42,
        0.72,
        "two",
        0.9,
        0.7,
        0.30,
        0.6,
        0,
        18,
        10,
        0.0,
        64,
        "冷库",
        "丙类",
        cold=-18.0,
    ),
    Trade(
        "printing",
        ("印务", "包装印刷", "彩印"),
        3,
        (10, 28),
        30,
        0.08,
        "day",
        0.6,
        0.05,
        0.20,
        0.3,
        1500,
        6,
        8,
        2.0,
        74,
        "印刷",
        "丙类",
        "nmhc",
    ),
    Trade(
        "packaging",
        ("包装", "纸制品", "包装材料"),
        3,
        (10, 30),
        20,
        0.05,
        "day",
        0.65,
        0.05,
        0.10,
        0.25,
        800,
        9,
        5,
        1.5,
        72,
        "纸制品",
        "丙类",
    ),
    Trade(
        "logistics",
        ("物流", "供应链", "仓储"),
        3,
        (8, 26),
        7,
        0.18,
        "two",
        0.9,
        0.7,
        0.10,
        0.1,
        0,
        28,
        420,
        0.5,
        62,
        "仓储",
        "丙类",
    ),
    Trade(
        "office",
        ("设计", "信息技术", "文化创意"),
        3,
        (10, 40),
        16,
        0.12,
        "office",
        0.15,
        0.05,
        0.40,
        0.05,
        0,
        2,
        8,
        1.0,
        48,
        "办公研发",
        "民用",
    ),
    Trade(
        "hardware",
        ("建材", "五金贸易", "门窗"),
        2,
        (5, 16),
        9,
        0.08,
        "shop",
        0.9,
        0.6,
        0.25,
        0.05,
        0,
        8,
        12,
        0.5,
        58,
        "商贸展示",
        "丁类",
    ),
)

#  quarters of an hour, park time: (begin, end) of each shift, and where everybody eats
SHIFTS = {
    "day": ((32, 70),),
    "two": ((24, 56), (56, 88)),
    "three": ((0, 32), (32, 64), (64, 96)),
    "office": ((36, 73),),
    "shop": ((35, 80),),
}
LUNCH = {"day": (46, 50), "two": (46, 48), "three": (46, 47), "office": (48, 54), "shop": (48, 50)}
SHIFT_SHARE = {"day": (1.0,), "two": (1.0, 0.75), "three": (0.7, 1.0, 0.85), "office": (1.0,), "shop": (1.0,)}

TOWN = "绍兴"
BRAND_FIRST = "恒瑞昌盛宏泰嘉禾锦程铭远卓越澄启柏森沐川"
BRAND_SECOND = "泽轩朗屹翎翌垚铄楷珩霖骏琪熠喆晟"
