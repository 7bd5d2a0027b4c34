import { readFileSync } from "node:fs";
import { SetupError } from "./programs.js";

/**
 * Refuses to go on where npm has kept flags for itself that are the server's: `npm start --port 9000` sets a setting of
 * npm's named `port` and hands on `9000` alone, and `npm start --port=9000` hands on nothing. Only what comes after `--`
 * reaches a script.
 *
 * @param {string} command as a person types it: `npm start`
 * @param {readonly string[]} args what npm has handed on
 * @throws {SetupError} with the line to type instead
 */
export function refuseSwallowedFlags(command, args) {
  const flags = settingNames().flatMap((name) => {
    const value = process.env[`npm_config_${name}`];
    return value === undefined ? [] : [{ flag: `--${name.replaceAll("_", "-")}`, value }];
  });
  if (flags.length === 0) return;
  const words = flags.map(({ flag, value }) => (value === "true" ? flag : `${flag}=${value}`));
  // Of `--port 9000` npm hands on the second word. With two such flags, nobody knows any more which word was whose.
  const isClear = args.length === 0 || (args.length === 1 && words.length === 1);
  const line = [command, "--", ...(isClear ? [...words, ...args] : words.map((word) => `${word} …`))].join(" ");
  const names = flags.map(({ flag }) => flag).join(", ");
  throw new SetupError(`npm took ${names} for itself. Put -- in front of what is for the server:\n  ${line}`);
}

/**
 * Every setting, as it stands in a settings file: `history_size` is `--history-size`.
 *
 * @returns {readonly string[]}
 */
function settingNames() {
  const { properties } = JSON.parse(readFileSync("docs/config.schema.json", "utf8"));
  const isFlag = (/** @type {string} */ name) => name !== "$schema" && name !== "channels";
  return ["config", ...Object.keys(properties).filter(isFlag)];
}
