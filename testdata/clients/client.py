"""Everything that boto3 does with the API; ends with an error where it is not as with the service."""

import json
import sys

import boto3
from botocore.config import Config

client = boto3.client(
    "lambda",
    endpoint_url=sys.argv[1],
    region_name="us-east-1",
    aws_access_key_id="any",
    aws_secret_access_key="any",
    config=Config(retries={"max_attempts": 0}),
)

answer = client.invoke(FunctionName="Echo", Payload=b'{"a": 1.5}')
assert answer["StatusCode"] == 200 and answer["ExecutedVersion"] == "$LATEST", answer
assert "FunctionError" not in answer and json.load(answer["Payload"]) == {"a": 1.5}

answer = client.invoke(FunctionName="Raise", LogType="Tail")
assert answer["FunctionError"] == "Unhandled" and json.load(answer["Payload"])["errorType"] == "ValueError"
assert answer["LogResult"], answer

arn = "arn:aws:lambda:us-east-1:123456789012:function:Arn"
assert json.load(client.invoke(FunctionName=arn, Qualifier="7")["Payload"]) == arn + ":7"
assert client.invoke(FunctionName="Echo", InvocationType="Event", Payload=b"{}")["StatusCode"] == 202
assert client.invoke(FunctionName="Echo", InvocationType="DryRun")["StatusCode"] == 204
assert client.invoke_async(FunctionName="Echo", InvokeArgs=b"{}")["Status"] == 202
context = "eyJjdXN0b20iOiB7ImsiOiAidiJ9fQ=="
assert json.load(client.invoke(FunctionName="Context", ClientContext=context)["Payload"])["custom"] == {"k": "v"}

for arguments, kind, code in [
    ({"FunctionName": "Nope"}, client.exceptions.ResourceNotFoundException, 404),
    ({"FunctionName": "Echo", "Payload": b"value"}, client.exceptions.InvalidRequestContentException, 400),
    ({"FunctionName": "Echo:live", "Qualifier": "7"}, client.exceptions.InvalidParameterValueException, 400),
    ({"FunctionName": "Never"}, client.exceptions.TooManyRequestsException, 429),
    ({"FunctionName": "Echo", "Payload": b'"' + b"x" * 6291456 + b'"'}, client.exceptions.ClientError, 413),
]:
    try:
        client.invoke(**arguments)
    except kind as error:
        assert error.response["ResponseMetadata"]["HTTPStatusCode"] == code, error.response
    else:
        raise AssertionError(arguments)

stream = client.invoke_with_response_stream(FunctionName="Stream", LogType="Tail")
assert stream["StatusCode"] == 200, stream
events = list(stream["EventStream"])
chunks = [event["PayloadChunk"]["Payload"] for event in events if "PayloadChunk" in event]
assert b"".join(chunks) == b"onetwothree" and len(chunks) == 3, chunks
assert events[-1]["InvokeComplete"]["LogResult"] and "ErrorCode" not in events[-1]["InvokeComplete"], events
events = list(client.invoke_with_response_stream(FunctionName="Raise")["EventStream"])
assert events[-1]["InvokeComplete"]["ErrorCode"] == "ValueError", events
events = list(client.invoke_with_response_stream(FunctionName="BreaksOff")["EventStream"])
assert events[0]["PayloadChunk"]["Payload"] == b"begun" and events[-1]["InvokeComplete"]["ErrorCode"], events

assert client.get_function(FunctionName="Echo")["Configuration"]["FunctionName"] == "Echo"
assert client.get_function_configuration(FunctionName="Echo")["Handler"] == "app.echo"
client.get_waiter("function_active_v2").wait(FunctionName="Echo")
client.get_waiter("function_exists").wait(FunctionName="Echo")
pages = client.get_paginator("list_functions").paginate(PaginationConfig={"PageSize": 2})
names = {one["FunctionName"] for page in pages for one in page["Functions"]}
assert {"Echo", "the-named-one", "Inner"} <= names, names
print("boto3", boto3.__version__)
