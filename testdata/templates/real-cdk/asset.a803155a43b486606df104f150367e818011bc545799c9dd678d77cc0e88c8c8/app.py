"""Answers the shop's web page."""

import os


def handler(event, context):
    return {"stage": os.environ["STAGE"]}
