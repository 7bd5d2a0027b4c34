import { Command } from "commander";
import { type AddressFlags, addAddressFlags, addressOf } from "./address.ts";
import { addKeyFlag, keysOf } from "./api-key.ts";
import { type ApiRequest, type ApiResponse, refused, sendRequest, unreachable } from "./api-request.ts";
import { type CommandContext, CommandError } from "./context.ts";
import { controlOf } from "./control.ts";
import { fieldsOf } from "./fields.ts";

interface ReloadFlags extends AddressFlags {
  readonly apiKey?: string;
  /** False with `--no-wait`. */
  readonly wait: boolean;
}

type Target = Omit<ApiRequest, "path">;

/** Interval between two checks of the progress. Milliseconds. */
const checkMs = 500;
/** The exit code if waiting is interrupted: 128 + the number of SIGINT. */
const interruptedCode = 130;

/** `fanfare reload`: replaces the workers of a server by new ones, and waits until the clients have moved to them. */
export function makeReloadCommand(context: CommandContext): Command {
  const command = new Command("reload")
    .description(
      "replace the workers of a server, with the settings and the program now on disk; clients move without a gap",
    )
    .option("--no-wait", "return at once, instead of waiting until all clients have moved");
  return addKeyFlag(addAddressFlags(command))
    .addHelpText("after", examples)
    .action((flags: ReloadFlags) => roll(context, flags, "reload"));
}

/** `fanfare upgrade`: the same, and the supervisor is replaced too, by the program that is on disk. */
export function makeUpgradeCommand(context: CommandContext): Command {
  const command = new Command("upgrade")
    .description(
      "replace a running server by the program now on disk, without restarting it; clients move without a gap",
    )
    .option("--no-wait", "return at once, instead of waiting until all clients have moved");
  return addKeyFlag(addAddressFlags(command))
    .addHelpText("after", upgradeExamples)
    .action((flags: ReloadFlags) => roll(context, flags, "upgrade"));
}

const upgradeExamples = `
Install the new version over the old one first. The supervisor then continues as the new program in the same process, with its
history and its workers, and replaces the workers as a reload does. A program that does not start changes nothing. The server
must have been started with WORKERS. SIGUSR2 does the same.

Examples:
  npm install fanfare@latest && fanfare upgrade
  fanfare upgrade --port 9000
`;

const examples = `
The new workers start and listen before the old ones close the port. If they cannot start, or the settings are invalid, the
command fails with the reason and the old workers keep serving. The server must have been started with WORKERS.

Examples:
  fanfare reload
  fanfare reload --port 9000
  fanfare reload --url http://10.0.0.7:9090 --api-key 6f1c…     over HTTP; the key needs the scopes admin and read
`;

async function roll(context: CommandContext, flags: ReloadFlags, verb: "reload" | "upgrade"): Promise<void> {
  const examined = context.settings();
  const address = addressOf(flags, examined);
  const control = controlOf(address, flags);
  const target = { address, control, ...keysOf(flags.apiKey, examined, { scope: "admin", control }) };
  const request = { ...target, path: `/v1/${verb}`, body: "{}" };
  const response = await send(request);
  if (response.status !== 202) throw refused(request, response);
  const number = Number(fieldsOf(response.value).roll);
  context.print(`${address.http} is ${verb === "reload" ? "reloading" : "upgrading"}`);
  if (flags.wait) await untilDone(context, target, { number, verb });
}

/** @throws CommandError if the reload failed */
async function untilDone(context: CommandContext, target: Target, wanted: Roll): Promise<void> {
  const ended = new AbortController();
  const stop = context.onInterrupt(() => ended.abort());
  let shown: string | undefined;
  for (;;) {
    const progress = await readProgress(target, wanted);
    if (progress.text !== shown) context.print(progress.text);
    shown = progress.text;
    if (progress.isOver) break;
    await context.sleep(checkMs, ended.signal);
    if (!ended.signal.aborted) continue;
    context.exitWith(interruptedCode);
    break;
  }
  stop();
}

/** The roll that is waited for. */
interface Roll {
  readonly number: number;
  readonly verb: "reload" | "upgrade";
}

/** @throws CommandError if the roll failed */
async function readProgress(
  target: Target,
  { number, verb }: Roll,
): Promise<{ readonly isOver: boolean; readonly text: string }> {
  // The control socket has accepted the key, which may lack the scope for reading. Without a key it lets everyone read.
  const request = { ...target, controlKey: undefined, path: "/v1/drain" };
  let response: ApiResponse;
  try {
    response = await sendRequest(request);
  } catch (error) {
    // While the supervisor is replaced, its control socket and OPS_PORT are closed.
    if (verb === "upgrade") return { isOver: false, text: "the supervisor is being replaced" };
    throw unreachable(request.address, error);
  }
  if (response.status !== 200) throw refused(request, response);
  const { roll, status, remaining } = fieldsOf(response.value);
  const { number: current, previous } = fieldsOf(roll);
  if (status === "draining") throw new CommandError(`the server is shutting down, and did not ${verb}`);
  if (roll === undefined || Number(current) < number)
    return { isOver: false, text: `waiting for the ${verb} to begin` };
  // Another roll may have begun since the last check.
  const { number: its, phase, message } = fieldsOf(Number(current) === number ? roll : previous);
  if (Number(its) !== number) throw new CommandError(`the ${verb} has ended; the log of the server says how`);
  if (phase === "failed") throw new CommandError(`the ${verb} failed: ${String(message)}`);
  const clients = phase === "moving" ? `; ${String(remaining)} left` : "";
  return { isOver: phase === "done", text: `${String(message)}${clients}` };
}

async function send(request: ApiRequest): Promise<ApiResponse> {
  try {
    return await sendRequest(request);
  } catch (error) {
    throw unreachable(request.address, error);
  }
}
