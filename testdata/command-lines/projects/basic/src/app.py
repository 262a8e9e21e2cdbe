import json
import os

NAMES = ["A", "B", "C", "D", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID"]


def handler(event, context):
    answer = {"event": event, "env": {name: os.environ[name] for name in NAMES if name in os.environ}}
    if os.environ.get("AWS_SESSION_TOKEN"):
        answer["token"] = os.environ["AWS_SESSION_TOKEN"]
    if isinstance(event, dict) and "find" in event:
        file, text = event["find"]
        with open(file) as lines:
            answer["found"] = [line.split() for line in lines if text in line]
    print(json.dumps(sorted(answer)))
    return answer
