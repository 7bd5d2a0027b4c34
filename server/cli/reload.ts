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
    .action((flags: ReloadFlags) => reload(context, flags));
}

const examples = `
The new workers start and listen before the old ones close the port. If they cannot start, or the settings are invalid, the
command fails with the reason and the old workers keep serving. The server must have been started with WORKERS.

Examples:
  fanfare reload
  fanfare reload --port 9000
  fanfare reload --url http://10.0.0.7:9090 --api-key 6f1c…     over HTTP; the key needs the scopes admin and read
`;

async function reload(context: CommandContext, flags: ReloadFlags): Promise<void> {
  const examined = context.settings();
  const address = addressOf(flags, examined);
  const control = controlOf(address, flags);
  const target = { address, control, ...keysOf(flags.apiKey, examined, { scope: "admin", control }) };
  context.exitOnBrokenPipe();
  const request = { ...target, path: "/v1/reload", body: "{}" };
  const response = await send(request);
  if (response.status !== 202) throw refused(request, response);
  const number = Number(fieldsOf(response.value).roll);
  context.print(`${address.http} is reloading`);
  if (flags.wait) await untilDone(context, target, number);
}

/** @throws CommandError if the reload failed */
async function untilDone(context: CommandContext, target: Target, number: number): Promise<void> {
  const ended = new AbortController();
  const stop = context.onInterrupt(() => ended.abort());
  let shown: string | undefined;
  for (;;) {
    const progress = await readProgress(target, number);
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

/** @throws CommandError if the reload failed */
async function readProgress(
  target: Target,
  number: number,
): Promise<{ readonly isOver: boolean; readonly text: string }> {
  const request = { ...target, path: "/v1/drain" };
  const response = await send(request);
  if (response.status !== 200) throw refused(request, response);
  const { roll, status, remaining } = fieldsOf(response.value);
  const { number: current, phase, message } = fieldsOf(roll);
  if (status === "draining") throw new CommandError("the server is shutting down, and did not reload");
  if (roll === undefined || Number(current) < number) return { isOver: false, text: "waiting for the current reload" };
  // A later reload has begun, so this one has ended. Only the last one is known.
  if (Number(current) > number) return { isOver: true, text: "another reload has begun" };
  if (phase === "failed") throw new CommandError(`the reload failed: ${String(message)}`);
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
