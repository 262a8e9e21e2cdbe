"""Members of the association."""


def list_all(event, context):
    return []


def get(event, context):
    return {"member": event["member"]}


def register(event, context):
    return {"registered": event["mail"]}
