// What the AWS SDK for JavaScript does with the API; ends with an error where it is not as with the service.

import assert from "node:assert/strict";
import { createRequire } from "node:module";

const [, , modules, endpoint] = process.argv;
const require = createRequire(modules + "/");
const { InvokeCommand, InvokeWithResponseStreamCommand, LambdaClient } = require("@aws-sdk/client-lambda");

const credentials = { accessKeyId: "any", secretAccessKey: "any" };
const client = new LambdaClient({ endpoint, region: "us-east-1", credentials, maxAttempts: 1 });
const text = (bytes) => new TextDecoder().decode(bytes);

const answer = await client.send(new InvokeCommand({ FunctionName: "Echo", Payload: '{"a": 1.5}', LogType: "Tail" }));
assert.equal(answer.StatusCode, 200);
assert.equal(answer.ExecutedVersion, "$LATEST");
assert.equal(answer.FunctionError, undefined);
assert.deepEqual(JSON.parse(text(answer.Payload)), { a: 1.5 });
assert.match(Buffer.from(answer.LogResult, "base64").toString(), /^(INIT_START|START)[^]*REPORT RequestId: /);

const failed = await client.send(new InvokeCommand({ FunctionName: "Raise" }));
assert.equal(failed.FunctionError, "Unhandled");
await assert.rejects(client.send(new InvokeCommand({ FunctionName: "Nope" })), { name: "ResourceNotFoundException" });
await assert.rejects(client.send(new InvokeCommand({ FunctionName: "Echo", Payload: "value" })), {
  name: "InvalidRequestContentException",
});

const stream = await client.send(new InvokeWithResponseStreamCommand({ FunctionName: "Stream" }));
const chunks = [];
let complete;
for await (const event of stream.EventStream) {
  if (event.PayloadChunk) chunks.push(text(event.PayloadChunk.Payload));
  if (event.InvokeComplete) complete = event.InvokeComplete;
}
assert.deepEqual(chunks, ["one", "two", "three"]);
assert.equal(complete.ErrorCode, undefined);
console.log("node", process.version);
