"""Returns who it is, from the environment and from the context."""

import os


def handler(event, context):
    names = ["AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_LOG_GROUP_NAME"]
    return {name: os.environ[name] for name in names} | {
        "name": context.function_name,
        "group": context.log_group_name,
        "arn": context.invoked_function_arn,
    }
