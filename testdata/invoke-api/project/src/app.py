"""Functions that a client of the API may meet."""

import os
import time


def echo(event, context):
    return event


def arn(event, context):
    return context.invoked_function_arn


def fail(event, context):
    raise ValueError("no")


def leave(event, context):
    os._exit(3)


def slow(event, context):
    time.sleep(event.get("seconds", 5) if isinstance(event, dict) else 5)
    return "late"


def large(event, context):
    return "x" * 6_300_000


def logs(event, context):
    for number in range(400):
        print(f"line {number:04}")
    return "logged"


def client(event, context):
    custom = context.client_context.custom if context.client_context else None
    return {"custom": custom, "tenant": context.tenant_id if hasattr(context, "tenant_id") else None}


def tenant(event, context):
    return context.tenant_id


def trace(event, context):
    return os.environ["_X_AMZN_TRACE_ID"]


def flaky(event, context):
    """Fails as often as the event says, counted where the sandbox keeps it."""
    path = f"/tmp/{event['id']}"
    tries = int(open(path).read()) if os.path.exists(path) else 0
    open(path, "w").write(str(tries + 1))
    print("try", tries + 1, "of", event["id"])
    if tries < event["failures"]:
        raise RuntimeError("not yet")
    return {"tries": tries + 1}


def told(event, context):
    request, context = event["requestPayload"], event["requestContext"]
    print("told of", request["id"], context["condition"], context["approximateInvokeCount"])
    return None
