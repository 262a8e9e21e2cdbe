"""Takes an order."""

import os


def handler(event, context):
    return {"table": os.environ["TABLE_NAME"], "order": event["order"]}
