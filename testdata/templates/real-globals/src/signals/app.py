"""Shows a signal."""


def handler(event, context):
    return {"signal": "red" if event.get("train") else "green"}
