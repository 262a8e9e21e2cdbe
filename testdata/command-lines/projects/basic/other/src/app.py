def handler(event, context):
    return "from another directory"
