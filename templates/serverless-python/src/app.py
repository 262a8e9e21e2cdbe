"""Greets by name."""


def handler(event, context):
    return {
        "greeting": f"Hello, {event['name']}!",
        "function": context.function_name,
        "version": context.function_version,
        "memory": context.memory_limit_in_mb,
        "arn": context.invoked_function_arn,
    }
