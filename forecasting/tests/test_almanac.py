from datetime import date

from forecasting.arithmetic import almanac


def test_holidays_of_a_country_and_of_its_parts_have_names():
    assert almanac.public_holidays("FR", "", [2024])[date(2024, 7, 14)] == "National Day"
    epiphany = date(2026, 1, 6)
    assert epiphany in almanac.public_holidays("DE", "BY", [2026])
    assert epiphany not in almanac.public_holidays("DE", "", [2026])


def test_an_unknown_part_has_its_countrys_and_an_unknown_country_none():
    assert almanac.public_holidays("FR", "no such part", [2024]) == almanac.public_holidays("FR", "", [2024])
    assert almanac.public_holidays("XX", "", [2024]) == {}
    assert almanac.public_holidays("FR", "", []) == {}


def test_two_holidays_of_a_day_are_named_together():
    assert almanac.public_holidays("FR", "", [2008])[date(2008, 5, 1)] == "Ascension Day; Labor Day"
