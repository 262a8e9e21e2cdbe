"""Amounts as customers read them."""


def euros(cents):
    return f"{cents // 100}.{cents % 100:02} EUR"
