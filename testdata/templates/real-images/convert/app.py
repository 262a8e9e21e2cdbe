"""Turns a picture into other formats."""

import os


def convert(event, context):
    return os.environ["FORMATS"].split(",")


handler = convert
