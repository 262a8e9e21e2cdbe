"""Mails to members."""


def remind(event, context):
    return {"sent": 0}


def follow(event, context):
    return {"seen": len(event.get("Records", []))}
