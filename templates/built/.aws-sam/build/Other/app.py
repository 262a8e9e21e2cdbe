"""Was built."""


def handler(event, context):
    return "other"
