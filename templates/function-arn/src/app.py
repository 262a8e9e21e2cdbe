"""Returns as what it was called."""

import os


def handler(event, context):
    return {"name": context.function_name, "arn": context.invoked_function_arn, "mark": os.environ["MARK"]}
