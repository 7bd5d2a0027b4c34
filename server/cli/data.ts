import { resolve } from "node:path";
import { Command } from "commander";
import { checkHistory, type HistoryReport } from "../broker/sqlite/check-history.ts";
import { type Repair, repairHistory } from "../broker/sqlite/repair-history.ts";
import { StorageError } from "../broker/sqlite/storage-error.ts";
import { checkScheduleFile, repairScheduleFile, type ScheduleFileReport } from "../schedule/sqlite/check-file.ts";
import { ScheduleFileError } from "../schedule/sqlite/file-error.ts";
import { type CommandContext, CommandError } from "./context.ts";

interface CheckFlags {
  readonly repair?: true;
  readonly newEpochs?: true;
}

/** `fanfare data check`: verifies the durable history, and repairs it with `--repair`. */
export function makeDataCommand(context: CommandContext): Command {
  return new Command("data").description("check and repair the durable history and schedules (DATA_DIR)").addCommand(
    new Command("check")
      .description("report what is stored in a directory and whether it is intact; exit code 1 if it is not")
      .argument("[directory]", "the directory (default: the setting DATA_DIR)")
      .option("--repair", "save every readable message and schedule into new files; the old files are kept")
      .option("--new-epochs", "with --repair: start new epochs; use it after restoring an older copy of the directory")
      .addHelpText(
        "after",
        `
Stop the server first. Without --repair nothing is changed.

Examples:
  fanfare data check
  fanfare data check /var/lib/fanfare --repair
`,
      )
      .action((directory: string | undefined, flags: CheckFlags) => check(context, directory, flags)),
  );
}

function check(context: CommandContext, given: string | undefined, { repair, newEpochs }: CheckFlags): void {
  if (newEpochs !== undefined && repair === undefined)
    throw new CommandError("--new-epochs changes the history: add --repair");
  const directory = resolve(given ?? configured(context));
  try {
    const report = checkHistory(directory);
    context.print(describe(directory, report).join("\n"));
    if (repair === undefined) {
      if (!isSound(report)) context.exitWith(1);
    } else if (isSound(report) && newEpochs === undefined) {
      context.print("There is nothing to repair.");
    } else {
      context.print(describeRepair(repairHistory(directory, context.clock.now(), newEpochs === true)).join("\n"));
    }
    checkSchedules(context, directory, repair === true);
  } catch (error) {
    if (error instanceof StorageError || error instanceof ScheduleFileError) {
      throw new CommandError(error.message, { cause: error });
    }
    throw error;
  }
}

/** A directory of a version without schedules has no file for them. */
function checkSchedules(context: CommandContext, directory: string, repair: boolean): void {
  const report = checkScheduleFile(directory);
  if (report === undefined) return;
  const isIntact = report.broken.length === 0 && report.damaged.length === 0 && report.missing === 0;
  context.print(describeSchedules(report, isIntact).join("\n"));
  if (isIntact) return;
  if (!repair) {
    context.exitWith(1);
    return;
  }
  const { saved, keptIn } = repairScheduleFile(directory, context.clock.now());
  context.print(
    `Repaired: ${saved} schedules are kept.\nThe old file is in ${keptIn}. Remove it when you no longer need it.`,
  );
}

function describeSchedules({ bytes, schedules, broken, damaged, missing }: ScheduleFileReport, isIntact: boolean) {
  const damage = [
    ...broken,
    ...damaged.map((id) => `the schedule ${JSON.stringify(id)} is damaged, and does not fire`),
    ...(missing > 0 ? [`${missing} schedule(s) are missing`] : []),
  ];
  const verdict =
    broken.length > 0
      ? "The server does not start with it. Run the same command with --repair."
      : "The server starts with it. --repair removes what is damaged.";
  return [
    "The schedules",
    `  size on disk:    ${bytes} bytes`,
    ...(broken.length > 0 ? [] : [`  schedules:       ${schedules}`]),
    ...(isIntact ? ["They are intact."] : ["They are damaged:", ...damage.map((line) => `  - ${line}`), verdict]),
  ];
}

function configured({ settings }: CommandContext): string {
  const { dataDir } = settings().settings;
  if (dataDir === undefined) {
    throw new CommandError("DATA_DIR is not set: pass the directory, as in `fanfare data check /var/lib/fanfare`");
  }
  return dataDir;
}

function isSound({ broken, damagedMessages, findings }: HistoryReport): boolean {
  return broken.length === 0 && damagedMessages === 0 && findings.length === 0;
}

function describe(directory: string, report: HistoryReport): readonly string[] {
  const { version, bytes, walBytes, channels, messages, ids, broken, damagedMessages, findings } = report;
  const damage = [
    ...broken,
    ...(damagedMessages > 0 ? [`${damagedMessages} damaged or missing messages; clients receive a gap for them`] : []),
    ...findings,
  ];
  const contents = [`  channels:        ${channels}`, `  messages:        ${messages}`, `  publishers' ids: ${ids}`];
  return [
    `The history in ${directory}`,
    `  size on disk:    ${bytes} bytes, and ${walBytes} in the write-ahead log`,
    ...(broken.length > 0 ? [] : [`  version:         ${version}`, ...contents]),
    ...(damage.length === 0
      ? ["It is intact."]
      : ["It is damaged:", ...damage.map((line) => `  - ${line}`), verdict(report)]),
  ];
}

function verdict({ broken, damagedMessages }: HistoryReport): string {
  if (broken.length > 0) return "The server does not start with it. Run the same command with --repair.";
  if (damagedMessages > 0)
    return "The server starts with it. --repair removes the damaged messages and starts new epochs.";
  return "The server fixes this at its next start.";
}

function describeRepair({ keptIn, channels, messages, notes }: Repair): readonly string[] {
  return [
    `Repaired: ${channels} channels and ${messages} messages are kept.`,
    ...(keptIn === undefined
      ? notes.map((note) => `  - ${note}`)
      : ["All channels have new epochs.", `The old files are in ${keptIn}. Remove them when you no longer need them.`]),
  ];
}
