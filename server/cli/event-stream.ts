/** One event of a stream: its type, `message` by default, and its data. */
export interface StreamEvent {
  readonly type: string;
  readonly data: string;
}

/** The longest event that is accepted, in characters. A server of ours sends far shorter ones. */
const maxLength = 1024 * 1024;

/** Reads a stream of Server-Sent Events until it ends. @throws Error if an event is too long, or whatever reading throws */
export async function* readEvents(body: ReadableStream<Uint8Array>): AsyncGenerator<StreamEvent> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of body) {
    const blocks = (rest + decoder.decode(chunk, { stream: true })).split("\n\n");
    rest = blocks.pop() ?? "";
    if (rest.length > maxLength) throw new Error("an event is too long");
    for (const block of blocks) {
      const event = parse(block);
      if (event !== undefined) yield event;
    }
  }
}

function parse(block: string): StreamEvent | undefined {
  let type = "message";
  const data: string[] = [];
  for (const line of block.split("\n")) {
    if (line.startsWith("event:")) type = line.slice(6).trim();
    else if (line.startsWith("data:")) data.push(line.slice(5).replace(/^ /, ""));
  }
  return data.length === 0 ? undefined : { type, data: data.join("\n") };
}
