"""What happens to an order."""


def take(event, context):
    from wording import title

    return {"order": title(event["bread"])}


def receipt(event, context):
    from money import euros

    return {"total": euros(event["cents"])}


def count(event, context):
    return {"count": len(event)}
