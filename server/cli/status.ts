import { Command, Option } from "commander";
import { type Address, type AddressFlags, addAddressFlags, addressOf } from "./address.ts";
import { addKeyFlag, keysOf } from "./api-key.ts";
import { unreachable } from "./api-request.ts";
import { type CommandContext, CommandError } from "./context.ts";
import { controlOf } from "./control.ts";
import { printableJson } from "./printable.ts";
import { readSnapshot, type Snapshot } from "./status-snapshot.ts";
import { type Status, statusOf, statusTable } from "./status-table.ts";

interface StatusFlags extends AddressFlags {
  readonly apiKey?: string;
  readonly watch?: true;
  readonly json?: true;
}

/** Time between two samples, and so the period that rates are measured over. Milliseconds. */
const sampleMs = 1000;

/** `fanfare status`: prints the state and metrics of a server, once or every second. */
export function makeStatusCommand(context: CommandContext): Command {
  const command = new Command("status")
    .description("show the state of a server: connections, channels, messages per second, memory")
    .addOption(new Option("--watch", "update every second, until Ctrl+C"))
    .option("--json", "print JSON, one object per update");
  return addKeyFlag(addAddressFlags(command))
    .addHelpText("after", examples)
    .action((flags: StatusFlags) => status(context, flags));
}

const examples = `
A server that you run on this machine is reached through its control socket, without a key and even while it drains. With
--url, --host or --api-key the command uses HTTP, and a secured server requires a key with the scope read. Rates are
measured over one second.

Examples:
  fanfare status
  fanfare status --watch --port 9000
  fanfare status --url https://push.example.com --json
`;

async function status(context: CommandContext, flags: StatusFlags): Promise<void> {
  const examined = context.settings();
  const address = addressOf(flags, examined);
  const keys = keysOf(flags.apiKey, examined, { scope: "read", control: controlOf(address, flags) });
  const snapshot = () => readSnapshot({ address, ...keys, control: controlOf(address, flags) }, context.clock);
  const show = makeShow(context, address, flags);
  // The first request must succeed, even with --watch, so that a mistyped port is an error.
  let before = await snapshot().catch((error) => fail(address, error));
  const ended = new AbortController();
  const stop = context.onInterrupt(() => ended.abort());
  do {
    await context.sleep(sampleMs, ended.signal);
    if (ended.signal.aborted) break;
    const now = await orUnavailable(
      snapshot().catch((error) => fail(address, error)),
      flags,
    );
    if (typeof now === "string") show({ unavailable: now });
    else {
      show(statusOf(before, now));
      before = now;
    }
  } while (flags.watch && !ended.signal.aborted);
  stop();
}

/** Prints a status, or the reason why there is none. In a terminal it replaces the previous one. */
function makeShow(
  { terminal, print }: CommandContext,
  { http }: Address,
  { json }: StatusFlags,
): (status: Status | { readonly unavailable: string }) => void {
  let shownRows = 0;
  let shownColumns: number | undefined;
  return (status) => {
    const isUnavailable = "unavailable" in status;
    if (json) {
      print(
        printableJson({
          url: http,
          ...(isUnavailable
            ? { error: status.unavailable }
            : {
                ...status.server,
                processes: status.processes,
                ...(status.roll === undefined ? {} : { roll: status.roll }),
              }),
        }),
      );
      return;
    }
    const lines = [`Fanfare at ${http}`, "", ...(isUnavailable ? [status.unavailable] : statusTable(status))];
    const { columns } = terminal()?.output ?? {};
    // Moves up to the first row of the previous status, and clears from there. After a resize the position of that row is
    // unknown, because terminals rewrap or cut lines, so the whole window is cleared.
    const isResized = shownColumns !== undefined && columns !== shownColumns;
    const back = isResized ? "\u001b[H\u001b[J" : shownRows > 0 ? `\u001b[${shownRows}A\u001b[J` : "";
    print(back + lines.join("\n"));
    shownColumns = columns;
    if (columns) shownRows = lines.reduce((sum, line) => sum + Math.max(1, Math.ceil(line.length / columns)), 0);
  };
}

function fail(address: Address, error: unknown): never {
  throw error instanceof CommandError ? error : unreachable(address, error);
}

/** With --watch, a server that does not respond is reported, and the next sample tries again. */
async function orUnavailable(snapshot: Promise<Snapshot>, { watch }: StatusFlags): Promise<Snapshot | string> {
  if (!watch) return snapshot;
  return snapshot.catch((error) => {
    if (error instanceof CommandError) return error.message;
    throw error;
  });
}
