/**
 * Waits for the first match in what a process prints. Reads on after it: a process whose pipe is closed may fail at the next line
 * that it prints.
 * @throws Error with the output if it ends without a match
 */
export function untilPrinted(
  output: ReadableStream<Uint8Array<ArrayBuffer>>,
  pattern: RegExp,
): Promise<RegExpExecArray> {
  const { promise, resolve, reject } = Promise.withResolvers<RegExpExecArray>();
  const read = async () => {
    let text = "";
    for await (const chunk of output.pipeThrough(new TextDecoderStream())) {
      text += chunk;
      const match = pattern.exec(text);
      if (match !== null) resolve(match);
    }
    throw new Error(`expected ${pattern} in the output, got:\n${text}`);
  };
  read().catch(reject);
  return promise;
}
