"""Turns a switch."""


def handler(event, context):
    return {"switch": event["number"], "position": event["position"]}
