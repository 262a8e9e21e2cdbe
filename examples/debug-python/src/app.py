def handler(event, context):
    name = event.get("name", "nobody")
    greeting = f"Hello, {name}"
    return {"greeting": greeting}
