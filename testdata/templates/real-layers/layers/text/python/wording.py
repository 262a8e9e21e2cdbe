"""Words as customers read them."""


def title(text):
    return text.strip().capitalize()
