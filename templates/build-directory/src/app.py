"""Tells which copy of the code runs, and with which template."""

import os


def handler(event, context):
    return {"code": "source", "template": os.environ["TEMPLATE"]}
