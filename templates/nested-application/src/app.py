"""The function of the parent; not the one that is meant."""


def handler(event, context):
    return "parent"
