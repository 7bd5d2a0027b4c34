import { Command, Option } from "commander";
import { tailEventKinds } from "../trace/tail-event.ts";
import { type Address, type AddressFlags, addAddressFlags, addressOf } from "./address.ts";
import { addKeyFlag, keyOf } from "./api-key.ts";
import { openStream, unreachable } from "./api-request.ts";
import { type CommandContext, CommandError } from "./context.ts";
import { readEvents } from "./event-stream.ts";
import type { FieldNames } from "./field-names.ts";
import { fieldsOf } from "./fields.ts";
import { checked, userOf, wholeNumberOf } from "./flag-values.ts";
import { makePaint } from "./paint.ts";
import { printableJson } from "./printable.ts";
import { tailLine } from "./tail-line.ts";

interface TailFlags extends AddressFlags {
  readonly apiKey?: string;
  readonly channel?: string;
  readonly user?: string;
  readonly kind?: readonly string[];
  readonly count?: number;
  readonly json?: true;
}

/** Delay before a lost stream is opened again. Milliseconds. */
const retryMs = 1000;

/** `fanfare tail`: prints what is published, connected and refused, as it happens. */
export function makeTailCommand(context: CommandContext): Command {
  const parseKind = checked("--kind", `one of ${tailEventKinds.join(", ")}`, (text) =>
    (tailEventKinds as readonly string[]).includes(text) ? text : undefined,
  );
  const add = (text: string, before: readonly string[] = []) => [...before, ...text.split(",").map(parseKind)];
  const command = new Command("tail")
    .description("watch what is published, connected and refused, as it happens, in all workers")
    .option("--channel <pattern>", "only this channel, or all with a prefix: room:*")
    .addOption(new Option("--user <id>", "only this user").argParser(userOf("--user")))
    .addOption(
      new Option("--kind <kinds>", `only these, separated by commas: ${tailEventKinds.join(", ")}`).argParser(add),
    )
    .addOption(
      new Option("--count <number>", "exit after this many lines").argParser(
        wholeNumberOf("--count", { min: 1, max: 1_000_000_000 }),
      ),
    );
  return addKeyFlag(addAddressFlags(command))
    .option("--json", "print one JSON object per line")
    .addHelpText("after", examples)
    .action((flags: TailFlags) => tail(context, flags));
}

const examples = `
The content of messages is not shown. A tail never slows the server down: what it cannot keep up with is dropped and counted.
A secured server requires a key with the scope read.

Examples:
  fanfare tail
  fanfare tail --kind refused
  fanfare tail --channel 'room:*' --json
`;

async function tail(context: CommandContext, flags: TailFlags): Promise<void> {
  const examined = context.settings();
  const address = addressOf(flags, examined);
  const key = keyOf(flags.apiKey, examined, "read");
  const query = new URLSearchParams();
  const { channel, user, kind, count = Number.POSITIVE_INFINITY } = flags;
  const wanted = { channel, user, kind: kind?.join(",") };
  for (const [name, value] of Object.entries(wanted)) if (value !== undefined) query.set(name, value);
  const ended = new AbortController();
  const stop = context.onInterrupt(() => ended.abort());
  const printer = new Printer(context, flags);
  const names: FieldNames = new Map(Object.keys(wanted).map((name) => [name, `--${name}`]));
  const request: TailRequest = { address, key, names, path: `/v1/tail?${query}` };
  // The first request must succeed, so that a mistyped port is an error.
  let body: ReadableStream<Uint8Array> | undefined = await open(request, ended.signal);
  context.stderr.write(`Watching ${address.http}; Ctrl+C ends it\n`);
  while (!ended.signal.aborted) {
    if (body !== undefined && (await printAll(body, printer, count)) && !ended.signal.aborted) break;
    if (ended.signal.aborted) break;
    if (body !== undefined) context.stderr.write("connection lost; reconnecting …\n");
    await context.sleep(retryMs, ended.signal);
    body = await open(request, ended.signal).catch(() => undefined);
  }
  ended.abort();
  stop();
}

interface TailRequest {
  readonly address: Address;
  readonly key: string | undefined;
  readonly path: string;
  readonly names: FieldNames;
}

/** @throws CommandError if the server cannot be reached or refuses */
async function open(request: TailRequest, signal: AbortSignal): Promise<ReadableStream<Uint8Array>> {
  try {
    return await openStream(request, signal);
  } catch (error) {
    throw error instanceof CommandError ? error : unreachable(request.address, error);
  }
}

/** @returns whether everything wanted was printed; false if the stream ended before */
async function printAll(body: ReadableStream<Uint8Array>, printer: Printer, count: number): Promise<boolean> {
  try {
    for await (const { type, data } of readEvents(body)) {
      if (type === "dropped") printer.dropped(data);
      else printer.happened(data);
      if (printer.printed >= count) return true;
    }
  } catch {
    // The connection broke, or the user ended the tail.
  }
  return false;
}

/** Prints events as lines, and the number of dropped events to the standard error. */
class Printer {
  printed = 0;
  readonly #context: CommandContext;
  readonly #isJson: boolean;

  constructor(context: CommandContext, { json }: TailFlags) {
    this.#context = context;
    this.#isJson = json === true;
  }

  happened(data: string): void {
    const value: unknown = JSON.parse(data);
    this.printed++;
    this.#context.print(this.#isJson ? printableJson(value) : tailLine(fieldsOf(value), makePaint(this.#context)));
  }

  dropped(data: string): void {
    const { count } = fieldsOf(JSON.parse(data));
    this.#context.stderr.write(`${String(count)} more were dropped: too much happens to show it all\n`);
  }
}
