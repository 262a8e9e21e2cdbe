"""The front: takes a wish and asks the desk."""

import os


def handler(event, context):
    return {"desk": os.environ["DESK"], "tickets": os.environ["TICKETS"]}
