"""Checks a ticket at the gate."""

from ferry import valid


def handler(event, context):
    return {"valid": valid(event["ticket"])}
