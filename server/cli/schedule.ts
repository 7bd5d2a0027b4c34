import { Command } from "commander";
import { type AddressFlags, addAddressFlags, addressOf } from "./address.ts";
import { addKeyFlag, keyOf } from "./api-key.ts";
import { type ApiRequest, refused, sendRequest, unreachable } from "./api-request.ts";
import type { CommandContext } from "./context.ts";
import { fieldsOf } from "./fields.ts";
import { printable, printableJson } from "./printable.ts";
import { addScheduleFlags, bodyOf, type CreateFlags, scheduleNames } from "./schedule-body.ts";
import { scheduleReport, scheduleTable } from "./schedule-report.ts";

interface Flags extends AddressFlags {
  readonly apiKey?: string;
  readonly json?: true;
}

/** A request of one subcommand. */
type Wanted = Pick<ApiRequest, "path" | "body" | "method">;

/** `fanfare schedule`: lists, creates and changes the schedules of a server over HTTP. */
export function makeScheduleCommand(context: CommandContext): Command {
  const one = (verb: string, description: string, wanted: (path: string) => Wanted) =>
    withServer(new Command(verb).description(description).argument("<id>", "id of the schedule")).action(
      (id: string, flags: Flags) => show(context, wanted(pathOf(id)), flags),
    );
  return new Command("schedule")
    .description("list, create and change schedules: messages that the server publishes at a time")
    .addHelpText("after", examples)
    .addCommand(makeListCommand(context))
    .addCommand(one("show", "show one schedule", (path) => ({ path })))
    .addCommand(makeCreateCommand(context))
    .addCommand(one("pause", "pause a schedule", (path) => ({ path: `${path}/pause`, method: "POST" })))
    .addCommand(one("resume", "resume a schedule", (path) => ({ path: `${path}/resume`, method: "POST" })))
    .addCommand(one("trigger", "publish a schedule now", (path) => ({ path: `${path}/trigger`, method: "POST" })))
    .addCommand(one("delete", "delete a schedule", (path) => ({ path, method: "DELETE" })));
}

const examples = `
Examples:
  fanfare schedule create daily --channel reports --cron '0 9 * * MON-FRI' --tz Europe/London 'The report is ready'
  fanfare schedule create tick --every 30s --data '{"tick":true}'
  fanfare schedule create reminder --user alice --in 24h 'Your trial ends tomorrow'
  fanfare schedule list
  fanfare schedule pause daily
`;

function withServer(command: Command): Command {
  return addKeyFlag(addAddressFlags(command)).option("--json", "print the server's response as JSON");
}

function makeListCommand(context: CommandContext): Command {
  return withServer(new Command("list").description("list the schedules"))
    .option("--prefix <text>", "only ids that begin with this")
    .action((flags: Flags & { readonly prefix?: string }) => list(context, flags));
}

function makeCreateCommand(context: CommandContext): Command {
  const command = new Command("create")
    .description("create a schedule, or replace the one with this id")
    .argument("<id>", "id of the schedule: the same command again changes nothing")
    .argument("[text]", "text of the message");
  return withServer(addScheduleFlags(command)).action(
    (id: string, text: string | undefined, flags: Flags & CreateFlags) =>
      show(context, { path: pathOf(id), method: "PUT", body: bodyOf(text, flags) }, flags),
  );
}

/** Sends a request and prints the schedule in the response. */
async function show(context: CommandContext, wanted: Wanted, flags: Flags): Promise<void> {
  const value = await send(context, wanted, flags);
  const { deleted } = fieldsOf(value);
  if (flags.json) context.print(printableJson(value));
  else if (typeof deleted === "string") context.print(`${printable(deleted)} is deleted`);
  else context.print(scheduleReport(value).join("\n"));
}

async function list(context: CommandContext, flags: Flags & { readonly prefix?: string }): Promise<void> {
  const all: unknown[] = [];
  for (let page: string | undefined = ""; page !== undefined; ) {
    const query = new URLSearchParams({ ...(flags.prefix ? { prefix: flags.prefix } : {}), ...(page ? { page } : {}) });
    const { schedules, next_page } = fieldsOf(await send(context, { path: `/v1/schedules?${query}` }, flags));
    if (Array.isArray(schedules)) all.push(...schedules);
    page = typeof next_page === "string" ? next_page : undefined;
  }
  if (flags.json) for (const it of all) context.print(printableJson(it));
  else context.print(all.length === 0 ? "There are no schedules." : scheduleTable(all).join("\n"));
}

async function send(context: CommandContext, wanted: Wanted, flags: Flags): Promise<unknown> {
  const examined = context.settings();
  const address = addressOf(flags, examined);
  const key = keyOf(flags.apiKey, examined, wanted.method === undefined ? "read" : "publish");
  const request: ApiRequest = { ...wanted, address, key, names: scheduleNames };
  const response = await sendRequest(request).catch((error: unknown) => {
    throw unreachable(address, error);
  });
  if (response.status >= 300) throw refused(request, response);
  return response.value;
}

function pathOf(id: string): string {
  return `/v1/schedules/${encodeURIComponent(id)}`;
}
