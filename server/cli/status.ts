import { Command, Option } from "commander";
import { type Address, type AddressFlags, addAddressFlags, addressOf } from "./address.ts";
import { addKeyFlag, keyOf } from "./api-key.ts";
import { unreachable } from "./ask-server.ts";
import { type CommandContext, CommandError } from "./context.ts";
import { printable } from "./printable.ts";
import { readSample, type Sample } from "./status-sample.ts";
import { rowOf, type StatusRow, statusTable } from "./status-table.ts";

interface StatusFlags extends AddressFlags {
  readonly apiKey?: string;
  readonly watch?: true;
  readonly json?: true;
}

/** Time between two looks, which is also what rates are measured over. Milliseconds. */
const stepMs = 1000;

/** `fanfare status`: how a server is, now or from second to second. */
export function makeStatusCommand(context: CommandContext): Command {
  const command = new Command("status")
    .description("how a server is: state, connections, channels, messages per second, memory")
    .addOption(new Option("--watch", "look again each second, until Ctrl+C"))
    .option("--json", "one JSON object per look");
  return addKeyFlag(addAddressFlags(command))
    .addHelpText("after", examples)
    .action((flags: StatusFlags) => status(context, flags));
}

const examples = `
Of a secured server it takes a key with the scope read. Rates are measured over one second.

Examples:
  fanfare status
  fanfare status --watch
  fanfare status --url https://push.example.com --json
`;

async function status(context: CommandContext, flags: StatusFlags): Promise<void> {
  const examined = context.settings();
  const address = addressOf(flags, examined);
  const key = keyOf(flags.apiKey, examined, "read");
  context.endWhenUnread();
  const look = () => readSample({ address, key }, context.clock);
  const show = makeShow(context, address, flags);
  // The first look must work: who mistyped the port wants to know, with --watch too.
  let before = await look().catch((error) => fail(address, error));
  const ended = new AbortController();
  const stop = context.onInterrupt(() => ended.abort());
  do {
    await context.sleep(stepMs, ended.signal);
    if (ended.signal.aborted) break;
    const sample = await orAway(
      look().catch((error) => fail(address, error)),
      flags,
    );
    if (typeof sample === "string") show({ away: sample });
    else {
      show({ rows: [rowOf(before, sample)] });
      before = sample;
    }
  } while (flags.watch && !ended.signal.aborted);
  stop();
}

/** One look: rows, one per process, or why there are none now. */
type Look = { readonly rows: readonly StatusRow[] } | { readonly away: string };

function makeShow({ terminal, print }: CommandContext, { http }: Address, flags: StatusFlags): (look: Look) => void {
  let shownRows = 0;
  return (look) => {
    if (flags.json) {
      print(JSON.stringify("rows" in look ? { url: http, workers: look.rows } : { url: http, error: look.away }));
      return;
    }
    const lines = [`Fanfare at ${http}`, "", ...("rows" in look ? statusTable(look.rows) : [printable(look.away)])];
    // In place: up to the first row of the look before, which is cleared with all below it.
    print((shownRows > 0 ? `\u001b[${shownRows}A\u001b[J` : "") + lines.join("\n"));
    const { columns } = terminal()?.output ?? {};
    if (columns) shownRows = lines.reduce((sum, line) => sum + Math.max(1, Math.ceil(line.length / columns)), 0);
  };
}

function fail(address: Address, error: unknown): never {
  throw error instanceof CommandError ? error : unreachable(address, error);
}

/** Watched, a server may be away for a while: it is said, and looked again. */
async function orAway(sample: Promise<Sample>, { watch }: StatusFlags): Promise<Sample | string> {
  if (!watch) return sample;
  return sample.catch((error) => {
    if (error instanceof CommandError) return error.message;
    throw error;
  });
}
