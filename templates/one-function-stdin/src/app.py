"""Sums the numbers of the event."""


def handler(event, context):
    return {"function": context.function_name, "count": len(event["numbers"]), "sum": sum(event["numbers"])}
