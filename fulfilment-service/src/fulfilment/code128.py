"""Code 128, set B (ISO/IEC 15417): a text as bars and gaps, for a scanner to read off paper."""

START, STOP = 104, 106
QUIET = 10
"""Modules that stay white on either side."""

# Widths of bars and gaps by turns, in modules: of the values 0 to 105, then of the stop.
_TABLE = """
212222 222122 222221 121223 121322 131222 122213 122312 132212 221213 221312 231212 112232 122132
122231 113222 123122 123221 223211 221132 221231 213212 223112 312131 311222 321122 321221 312212
322112 322211 212123 212321 232121 111323 131123 131321 112313 132113 132311 211313 231113 231311
112133 112331 132131 113123 113321 133121 313121 211331 231131 213113 213311 213131 311123 311321
331121 312113 312311 332111 314111 221411 431111 111224 111422 121124 121421 141122 141221 112214
112412 122114 122411 142112 142211 241211 221114 413111 241112 134111 111242 121142 121241 114212
124112 124211 411212 421112 421211 212141 214121 412121 111143 111341 131141 114113 114311 411113
411311 113141 114131 311141 411131 211412 211214 211232 2331112
"""
_WIDTHS = _TABLE.split()


def values(text: str) -> list[int]:
    """The text's symbols: the start, one for each character, the check symbol, the stop.

    Raises ValueError for a character that set B does not have.
    """
    if not all(" " <= character <= "~" for character in text):
        raise ValueError("set B of Code 128 has printable ASCII only")
    told = [ord(character) - 32 for character in text]
    check = (START + sum(place * value for place, value in enumerate(told, 1))) % 103
    return [START, *told, check, STOP]


def bars(text: str) -> tuple[list[tuple[int, int]], int]:
    """The bars as (place, width) in modules, and the width of all, white edges among it.

    Raises ValueError for a character that set B does not have.
    """
    found, place = [], QUIET
    for turn, width in enumerate(int(w) for value in values(text) for w in _WIDTHS[value]):
        # Six of each symbol, and seven of the last: bars and gaps take turns throughout.
        found += [(place, width)] if turn % 2 == 0 else []
        place += width
    return found, place + QUIET
