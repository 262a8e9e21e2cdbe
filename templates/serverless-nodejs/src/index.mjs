// Greets by name.
export const handler = async (event, context) => ({
  greeting: `Hello, ${event.name}!`,
  function: context.functionName,
  memory: context.memoryLimitInMB,
  arn: context.invokedFunctionArn,
});
