"""Sells a seat."""

import os


def handler(event, context):
    return {"price": event["seats"] * 4, "currency": os.environ["CURRENCY"]}
