const pause = () => new Promise((resolve) => setTimeout(resolve, 50));

export const stream = awslambda.streamifyResponse(async (event, stream) => {
  for (const part of ["one", "two", "three"]) {
    stream.write(part);
    await pause();
  }
  stream.end();
});

export const breaksOff = awslambda.streamifyResponse(async (event, stream) => {
  stream.write("begun");
  await pause();
  throw new Error("no more");
});
