"""Takes what the stations measure."""


def collect(event, context):
    return {"measured": len(event["values"])}


def Wind(event, context):
    return {"wind": event["speed"]}


def Rain(event, context):
    return {"rain": event["depth"]}
