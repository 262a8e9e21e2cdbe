"""Says that it is there."""


def run(event, context):
    return "here"
