import { Command } from "commander";
import { type AddressFlags, addAddressFlags, addressOf } from "./address.ts";
import { addKeyFlag, keysOf } from "./api-key.ts";
import {
  type ApiRequest,
  type ApiResponse,
  isRefusedConnection,
  refused,
  sendRequest,
  unreachable,
} from "./api-request.ts";
import { type CommandContext, CommandError } from "./context.ts";
import { controlOf } from "./control.ts";
import { fieldsOf } from "./fields.ts";

interface DrainFlags extends AddressFlags {
  readonly apiKey?: string;
  readonly wait?: true;
}

type Target = Omit<ApiRequest, "path">;

/** Interval between two checks of how many connections are left. Milliseconds. */
const checkMs = 1000;
/** The exit code if --wait is interrupted: 128 + the number of SIGINT. */
const interruptedCode = 130;

/** `fanfare drain`: makes a server drain, as SIGTERM does, and with `--wait` waits until it has stopped. */
export function makeDrainCommand(context: CommandContext): Command {
  const command = new Command("drain")
    .description("shut a server down gracefully: it notifies its clients, waits for them to leave, and exits")
    .option("--wait", "print how many connections are left, until the server has exited");
  return addKeyFlag(addAddressFlags(command))
    .addHelpText("after", examples)
    .action((flags: DrainFlags) => drain(context, flags));
}

const examples = `
A server that you run on this machine is reached through its control socket. With --url, --host or --api-key the command
uses HTTP, and a secured server requires a key with the scope admin. --wait needs an endpoint that stays open while the
server drains: the control socket or OPS_PORT.

Examples:
  fanfare drain
  fanfare drain --wait --port 9000
  fanfare drain --wait --url http://10.0.0.7:9090     OPS_PORT of another machine
`;

async function drain(context: CommandContext, flags: DrainFlags): Promise<void> {
  const examined = context.settings();
  const address = addressOf(flags, examined);
  const control = controlOf(address, flags);
  const target = { address, control, ...keysOf(flags.apiKey, examined, { scope: "admin", control }) };
  if (flags.wait && control === undefined) await checkStaysOpen(target);
  const request = { ...target, path: "/v1/drain", body: "{}" };
  const response = await send(request);
  if (response.status !== 202) throw refused(request, response);
  context.print(`${address.http} is draining`);
  if (flags.wait) await untilGone(context, target);
}

/** @throws CommandError if the port closes as soon as the server drains, so that the progress could not be shown */
async function checkStaysOpen(target: Target): Promise<void> {
  // Only the main port serves this path, and the main port closes.
  const { status } = await send({ ...target, path: "/v1/connections" });
  if (status === 404) return;
  throw new CommandError(
    "--wait: this port closes when the server drains. Pass its OPS_PORT with --url, or run the command on the server's machine as the same user with only --port",
  );
}

async function untilGone(context: CommandContext, target: Target): Promise<void> {
  const ended = new AbortController();
  const stop = context.onInterrupt(() => ended.abort());
  let shown: number | undefined;
  let progress = await readProgress(target);
  while (!progress.isOver && !ended.signal.aborted) {
    if (progress.text !== undefined && progress.remaining !== shown) context.print(progress.text);
    shown = progress.remaining ?? shown;
    await context.sleep(checkMs, ended.signal);
    if (!ended.signal.aborted) progress = await readProgress(target);
  }
  stop();
  if (progress.isOver) context.print(progress.text ?? "the server has stopped");
  else context.exitWith(interruptedCode);
}

interface Progress {
  readonly isOver: boolean;
  /** The line to print; undefined if there is nothing to report. */
  readonly text?: string;
  readonly remaining?: number;
}

async function readProgress(target: Target): Promise<Progress> {
  try {
    // The control socket has accepted the key, which may lack the scope for reading. Without a key it lets everyone read.
    const { status, value } = await sendRequest({ ...target, controlKey: undefined, path: "/v1/drain" });
    if (status !== 200) return { isOver: false }; // the key may drain but not read
    const { status: phase, remaining } = fieldsOf(value);
    if (phase !== "draining")
      return { isOver: true, text: "the server has stopped, and another one has taken its place" };
    if (typeof remaining !== "number") return { isOver: false };
    return { isOver: false, text: describeProgress(value, remaining), remaining };
  } catch (error) {
    return { isOver: isRefusedConnection(error) };
  }
}

/** `12 connections left (30 moved); the rest are closed in 1795 s` */
function describeProgress(value: unknown, remaining: number): string {
  const { closed, deadline_s } = fieldsOf(value);
  const { moved, forced } = fieldsOf(closed);
  const counts = [
    ...(Number(moved) > 0 ? [`${moved} moved`] : []),
    ...(Number(forced) > 0 ? [`${forced} closed at the deadline`] : []),
  ];
  const connections = `${remaining} ${remaining === 1 ? "connection" : "connections"} left`;
  const deadline = Number(deadline_s) > 0 ? `; the rest are closed in ${deadline_s} s` : "";
  return `${connections}${counts.length === 0 ? "" : ` (${counts.join(", ")})`}${deadline}`;
}

async function send(request: ApiRequest): Promise<ApiResponse> {
  try {
    return await sendRequest(request);
  } catch (error) {
    throw unreachable(request.address, error);
  }
}
