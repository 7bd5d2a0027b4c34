import { Command, Option } from "commander";
import { type Address, type AddressFlags, addAddressFlags, addressOf } from "./address.ts";
import { addKeyFlag, keyOf } from "./api-key.ts";
import { unreachable } from "./ask-server.ts";
import { type CommandContext, CommandError } from "./context.ts";
import { controlOf } from "./control.ts";
import { printableJson } from "./printable.ts";
import { type Look, readLook } from "./status-sample.ts";
import { type Status, statusOf, statusTable } from "./status-table.ts";

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
A server of this user on this machine is asked through its control socket, without a key, also while it drains. With --url,
--host or --api-key it is asked over HTTP, where a secured server wants a key with the scope read. Rates are measured over
one second.

Examples:
  fanfare status
  fanfare status --watch --port 9000
  fanfare status --url https://push.example.com --json
`;

async function status(context: CommandContext, flags: StatusFlags): Promise<void> {
  const examined = context.settings();
  const address = addressOf(flags, examined);
  const key = keyOf(flags.apiKey, examined, "read");
  context.endWhenUnread();
  const look = () => readLook({ address, key, control: controlOf(address, flags) }, context.clock);
  const show = makeShow(context, address, flags);
  // The first look must work: who mistyped the port wants to know, with --watch too.
  let before = await look().catch((error) => fail(address, error));
  const ended = new AbortController();
  const stop = context.onInterrupt(() => ended.abort());
  do {
    await context.sleep(stepMs, ended.signal);
    if (ended.signal.aborted) break;
    const now = await orAway(
      look().catch((error) => fail(address, error)),
      flags,
    );
    if (typeof now === "string") show({ away: now });
    else {
      show(statusOf(before, now));
      before = now;
    }
  } while (flags.watch && !ended.signal.aborted);
  stop();
}

/** Shows one status below the last, or in its place; or why there is none now. */
function makeShow(
  { terminal, print }: CommandContext,
  { http }: Address,
  { json }: StatusFlags,
): (status: Status | { readonly away: string }) => void {
  let shownRows = 0;
  let shownColumns: number | undefined;
  return (status) => {
    const isAway = "away" in status;
    if (json) {
      print(
        printableJson({
          url: http,
          ...(isAway ? { error: status.away } : { ...status.server, processes: status.processes }),
        }),
      );
      return;
    }
    const lines = [`Fanfare at ${http}`, "", ...(isAway ? [status.away] : statusTable(status))];
    const { columns } = terminal()?.output ?? {};
    // In place: up to the first row of the look before, which is cleared with all below it. Of a window whose width has
    // changed nobody knows where that row is now: terminals wrap lines anew, or cut them. Then the whole window is cleared.
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

/** Watched, a server may be away for a while: it is said, and looked again. */
async function orAway(look: Promise<Look>, { watch }: StatusFlags): Promise<Look | string> {
  if (!watch) return look;
  return look.catch((error) => {
    if (error instanceof CommandError) return error.message;
    throw error;
  });
}
