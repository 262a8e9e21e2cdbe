"""Plots: where they are and how large."""


def list_all(event, context):
    return ["a1", "a2"]


def get(event, context):
    return {"plot": event["plot"], "size": 40}


def create(event, context):
    return {"created": event["plot"]}


def update(event, context):
    return {"updated": event["plot"]}


def delete(event, context):
    return {"deleted": event["plot"]}
