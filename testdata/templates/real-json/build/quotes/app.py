"""Quotes for a tiler."""


def handler(event, context):
    return {"price": event["area"] * 55}


def expire(event, context):
    return {"expired": []}
