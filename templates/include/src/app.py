"""Returns the variables that the event names; null for one that is not set."""

import os


def handler(event, context):
    return {name: os.environ.get(name) for name in event["variables"]}
